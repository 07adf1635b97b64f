#include "formats/tflite/metadata.h"

#include <metadata_generated.h>

#include <algorithm>
#include <string_view>

namespace fetafix::formats::tflite {
namespace {

constexpr std::string_view name_of_buffer = "TFLITE_METADATA";
constexpr size_t most_numbers = 4;  // one a channel

// An aligned copy: where the buffer begins in the file is anyone's choice.
std::vector<uint8_t> metadata_of(const File& file) {
  const auto* entries = file.model->metadata();
  for (uint32_t i = 0; entries && i < entries->size(); ++i) {
    const auto* entry = entries->Get(i);
    if (!entry->name() || entry->name()->string_view() != name_of_buffer) continue;
    const BytesView bytes = buffer_bytes(file, entry->buffer());
    const auto* first = reinterpret_cast<const uint8_t*>(bytes.data());
    return {first, first + bytes.size()};
  }
  return {};
}

std::vector<double> numbers_of(const flatbuffers::Vector<float>* values) {
  if (!values || values->size() > most_numbers) return {};
  return {values->begin(), values->end()};
}

std::optional<StatedInput> stated(const metadata::TensorMetadata& input) {
  for (uint32_t i = 0; input.process_units() && i < input.process_units()->size(); ++i) {
    const auto* normalization = input.process_units()->Get(i)->options_as_NormalizationOptions();
    if (!normalization) continue;
    StatedInput out{numbers_of(normalization->mean()), numbers_of(normalization->std())};
    const bool usable = !out.mean.empty() && !out.std.empty() &&
                        std::ranges::all_of(out.std, [](double value) { return value > 0; });
    if (usable) return out;
  }
  return std::nullopt;
}

}  // namespace

std::map<size_t, StatedInput> stated_inputs(const File& file) {
  std::map<size_t, StatedInput> out;
  const auto bytes = metadata_of(file);
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (bytes.empty() || !metadata::VerifyModelMetadataBuffer(verifier)) return out;
  const auto* graphs = metadata::GetModelMetadata(bytes.data())->subgraph_metadata();
  const auto* inputs = graphs && graphs->size() > 0 ? graphs->Get(0)->input_tensor_metadata() : nullptr;
  for (uint32_t i = 0; inputs && i < inputs->size(); ++i)
    if (auto one = stated(*inputs->Get(i))) out[i] = std::move(*one);
  return out;
}

}  // namespace fetafix::formats::tflite
