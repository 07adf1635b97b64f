#include "channel/frame.h"

#include <gtest/gtest.h>

#include "channel/protocol.h"

namespace fetafix::channel {
namespace {

Status feed_all(FrameReader& reader, std::string_view bytes, size_t step) {
  while (!bytes.empty() && reader.missing() > 0) {
    const size_t count = std::min({step, reader.missing(), bytes.size()});
    FETAFIX_CHECK(reader.feed({bytes.data(), count}));
    bytes.remove_prefix(count);
  }
  return {};
}

TEST(Frame, HasALittleEndianLengthInFront) {
  EXPECT_EQ(encode_frame("{}"), std::string("\2\0\0\0\0\0\0\0{}", 10));
  EXPECT_EQ(encode_frame(std::string(258, 'x')).substr(0, 3), std::string("\2\1\0", 3));
}

TEST(Frame, IsPutTogetherFromPiecesOfAnySize) {
  const std::string text = R"({"call":"hello"})";
  for (size_t step = 1; step < 30; ++step) {
    FrameReader reader;
    ASSERT_TRUE(feed_all(reader, encode_frame(text), step).ok());
    ASSERT_EQ(reader.missing(), 0u);
    EXPECT_EQ(reader.take(), text);
    EXPECT_EQ(reader.missing(), 8u) << "ready for the next one";
  }
}

TEST(Frame, RefusesAbsurdLengths) {
  FrameReader huge;
  EXPECT_FALSE(feed_all(huge, std::string(8, '\xff'), 8).ok());
  FrameReader empty;
  EXPECT_FALSE(feed_all(empty, std::string(8, '\0'), 8).ok());
}

TEST(Protocol, ErrorsKeepTheirKind) {
  for (ErrorKind kind :
       {ErrorKind::usage, ErrorKind::file, ErrorKind::unsupported, ErrorKind::runtime_missing,
        ErrorKind::runtime_failed, ErrorKind::interrupted, ErrorKind::internal}) {
    const Error back = error_from_json(error_to_json({kind, "why"}));
    EXPECT_EQ(back.kind, kind);
    EXPECT_EQ(back.message, "why");
  }
  EXPECT_EQ(error_from_json(Json("odd")).kind, ErrorKind::runtime_failed);
}

TEST(Protocol, SpecsSurviveTheTrip) {
  const ValueSpec spec{"in", DType::int8, Shape{-1, 3}, 0.5, -7};
  const ValueSpec unknown{"seq", DType::unknown, std::nullopt, 0, 0};
  const Json object{{"inputs", {spec_to_json(spec), spec_to_json(unknown)}}};
  const auto back = specs_from_json(object, "inputs");
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ((*back)[0].shape, (Shape{-1, 3}));
  EXPECT_EQ((*back)[0].scale, 0.5);
  EXPECT_EQ((*back)[0].zero_point, -7);
  EXPECT_FALSE((*back)[1].shape.has_value());
}

}  // namespace
}  // namespace fetafix::channel
