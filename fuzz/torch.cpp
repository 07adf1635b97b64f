// The PyTorch reader: any bytes as an exported program. A check sum that is wrong ends most damaged archives,
// so what begins with a brace is the program itself, in an archive with one weight, what begins as a pickle is that
// of the weights of an old archive, whose program multiplies by w, and what begins with "class" or "def" is the code
// of a TorchScript archive whose module has no attributes.
#include "formats/torch/torch.h"

#include <algorithm>

#include "base/zip.h"
#include "fuzz/model.h"

namespace fetafix::fuzz {
namespace {

Bytes bytes_of(const std::string& text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

Bytes archive_of(BytesView program) {
  const Bytes weights = bytes_of(
      R"({"config":{"w":{"path_name":"weight_0","is_param":true,"use_pickle":false,"tensor_meta":{"dtype":7,"sizes":)"
      R"([{"as_int":2},{"as_int":2}],"requires_grad":false,"device":{"type":"cpu","index":null},"strides":)"
      R"([{"as_int":2},{"as_int":1}],"storage_offset":{"as_int":0},"layout":7}}}})");
  auto made = zip({{"m/models/model.json", Bytes(program.begin(), program.end())},
                   {"m/data/weights/model_weights_config.json", weights},
                   {"m/data/weights/weight_0", Bytes(16)},
                   {"m/data/constants/model_constants_config.json", bytes_of(R"({"config":{}})")}});
  promise(made.ok(), "there is an archive of any entries");
  return std::move(*made);
}

Bytes old_archive_of(BytesView pickle) {
  const auto meta = [](const char* name) {
    return "\"" + std::string(name) +
           R"(":{"dtype":7,"sizes":[{"as_int":2},{"as_int":2}],"requires_grad":false,"device":{"type":"cpu"},)"
           R"("strides":[{"as_int":2},{"as_int":1}],"storage_offset":{"as_int":0},"layout":7})";
  };
  const std::string program =
      R"({"graph_module":{"graph":{"inputs":[{"as_tensor":{"name":"p_w"}},{"as_tensor":{"name":"x"}}],"outputs":)"
      R"([{"as_tensor":{"name":"y"}}],"nodes":[{"target":"torch.ops.aten.mul.Tensor","inputs":[{"name":"self","arg":)"
      R"({"as_tensor":{"name":"x"}}},{"name":"other","arg":{"as_tensor":{"name":"p_w"}}}],"outputs":[{"as_tensor":)"
      R"({"name":"y"}}],"metadata":{}}],"tensor_values":{)" +
      meta("x") + "," + meta("p_w") + "," + meta("y") +
      R"(}},"signature":{"input_specs":[{"parameter":{"arg":{"name":"p_w"},"parameter_name":"w"}},{"user_input":)"
      R"({"arg":{"as_tensor":{"name":"x"}}}}],"output_specs":[{"user_output":{"arg":{"as_tensor":{"name":"y"}}}}]}},)"
      R"("schema_version":{"major":7,"minor":3}})";
  const auto weights = zip({{"a/data.pkl", Bytes(pickle.begin(), pickle.end())}, {"a/data/0", Bytes(24)}});
  promise(weights.ok(), "there is an archive of any entries");
  auto made = zip({{"serialized_exported_program.json", bytes_of(program)},
                   {"serialized_state_dict.pt", *weights},
                   {"serialized_constants.pt", Bytes()}});
  promise(made.ok(), "there is an archive of any entries");
  return std::move(*made);
}

Bytes script_of(BytesView code) {
  using namespace std::string_literals;
  auto made = zip({{"m/data.pkl", bytes_of("\x80\x02"s + "c__torch__\nM\n)\x81}b.")},
                   {"m/code/__torch__.py", Bytes(code.begin(), code.end())},
                   {"m/constants.pkl", bytes_of("\x80\x02).")}});
  promise(made.ok(), "there is an archive of any entries");
  return std::move(*made);
}

bool begins_with(BytesView bytes, const std::string& word) {
  const BytesView wanted = as_bytes(word);
  return bytes.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), bytes.begin());
}

}  // namespace
}  // namespace fetafix::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fetafix;
  const auto bytes = fuzz::input(data, size);
  const auto& format = formats::torch::torch_format();
  if (!bytes.empty() && bytes[0] == std::byte{'{'})
    fuzz::read_and_lift(format, fuzz::archive_of(bytes));
  else if (!bytes.empty() && bytes[0] == std::byte{0x80})
    fuzz::read_and_lift(format, fuzz::old_archive_of(bytes));
  else if (fuzz::begins_with(bytes, "class ") || fuzz::begins_with(bytes, "def "))
    fuzz::read_and_lift(format, fuzz::script_of(bytes));
  else
    fuzz::read_and_lift(format, bytes);
  return 0;
}
