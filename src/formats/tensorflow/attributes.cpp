#include "formats/tensorflow/editor.h"

namespace fetafix::formats::tensorflow {

void set_type(wire::Node& node, const std::string& key, DType dtype) {
  wire::attribute_of(node, key).set_type(wire::code_from_dtype(dtype));
}

void set_integers(wire::Node& node, const std::string& key, const std::vector<int64_t>& values) {
  auto& list = *wire::attribute_of(node, key).mutable_list();
  list.clear_i();
  for (int64_t value : values) list.add_i(value);
}

void set_text(wire::Node& node, const std::string& key, const std::string& value) {
  wire::attribute_of(node, key).set_s(value);
}

void set_flag(wire::Node& node, const std::string& key, bool value) {
  wire::attribute_of(node, key).set_b(value);
}

void set_number(wire::Node& node, const std::string& key, float value) {
  wire::attribute_of(node, key).set_f(value);
}

void set_integer(wire::Node& node, const std::string& key, int64_t value) {
  wire::attribute_of(node, key).set_i(value);
}

void drop_attribute(wire::Node& node, const std::string& key) {
  for (int i = node.attr_size(); i-- > 0;)
    if (node.attr(i).key() == key) node.mutable_attr()->DeleteSubrange(i, 1);
}

}  // namespace fetafix::formats::tensorflow
