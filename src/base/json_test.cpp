#include "base/json.h"

#include <gtest/gtest.h>

namespace fetafix {
namespace {

TEST(JsonReading, DamagedTextIsAnErrorThatNamesTheFile) {
  for (const char* text : {"", "{", "{\"a\":}", "nul", "[1,]", "{}x", "\"\xff\""}) {
    const auto json = parse_json(text, "patch.json");
    ASSERT_FALSE(json.ok()) << text;
    EXPECT_EQ(json.error().kind, ErrorKind::file);
    EXPECT_NE(json.error().message.find("patch.json"), std::string::npos);
  }
}

TEST(JsonReading, DeepNestingDoesNotOverflowTheStack) {
  (void)parse_json(std::string(200000, '['), "deep");
  (void)parse_json(std::string(100000, '[') + std::string(100000, ']'), "deep");
}

TEST(JsonReading, DeepNestingIsRefused) {  // it would overflow the stack of whoever copies the document
  const auto deep = parse_json(std::string(100, '[') + std::string(100, ']'), "deep");
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().message, "deep: nested 100 levels deep, expected at most 64");
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']'), "t").ok());
  EXPECT_TRUE(parse_json("[" + std::string(200, ' ') + "\"\\\"" + std::string(100, '[') + "\"]", "t").ok());
}

TEST(JsonGetters, GiveTheMemberOfTheWantedType) {
  const Json json = *parse_json(R"({"s":"x","i":-3,"n":1.5,"l":[1,2],"o":{"k":1}})", "t");
  EXPECT_EQ(*json_string(json, "s"), "x");
  EXPECT_EQ(*json_int(json, "i"), -3);
  EXPECT_EQ(*json_number(json, "n"), 1.5);
  EXPECT_EQ(*json_number(json, "i"), -3);
  EXPECT_EQ(*json_ints(json, "l"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(json_array(json, "l")->size(), 2u);
  EXPECT_TRUE(json_object(json, "o")->contains("k"));
}

TEST(JsonGetters, NameTheKeyWhatIsExpectedAndWhatIsFound) {
  const Json json = *parse_json(R"({"s":"x","l":[1,"2"]})", "t");
  EXPECT_EQ(json_int(json, "s").error().message, "key 's': expected an integer, found string");
  EXPECT_EQ(json_string(json, "q").error().message, "key 'q': expected a string, found nothing");
  EXPECT_FALSE(json_ints(json, "l").ok());
  EXPECT_FALSE(json_object(json, "l").ok());
  EXPECT_FALSE(json_array(json, "s").ok());
  EXPECT_FALSE(json_number(Json::array(), "s").ok());
}

TEST(JsonGetters, AnIntegerThatDoesNotFitIsRefused) {
  const Json json = *parse_json(R"({"i":18446744073709551615,"l":[18446744073709551615]})", "t");
  EXPECT_FALSE(json_int(json, "i").ok());
  EXPECT_FALSE(json_ints(json, "l").ok());
}

TEST(JsonWriting, HostileNamesAreReplacedNotRefused) {
  EXPECT_NO_THROW(dump_json(Json{{"name", "\xff\xfe"}}));
}

}  // namespace
}  // namespace fetafix
