#include "pipeline/apply.h"

#include "base/json.h"
#include "base/packed_folder.h"
#include "graph/patch_delta.h"

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;

std::string brief(const std::string& sha) {
  return sha.substr(0, 12) + "...";
}

Result<graph::Patch> read_patch(const std::string& path) {
  FETAFIX_TRY(const Bytes bytes, read_file(path));
  FETAFIX_TRY(const Json json, parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path));
  auto patch = graph::patch_from_json(json);
  if (!patch.ok()) return in_context(path, std::move(patch).error());
  return patch;
}

Status check_options(const ApplyOptions& options) {
  if (options.rebase && options.reverse)
    return Error{ErrorKind::usage,
                 "--rebase and --reverse: a patch is taken back from the file that it gave"};
  if (options.reverse && !options.save_patch.empty())
    return Error{ErrorKind::usage, "--reverse writes no patch: leave --patch away"};
  for (const std::string& input : {options.patch, options.model})
    for (const std::string& output : {options.output, options.save_patch})
      if (!output.empty() && overwrites(output, input))
        return Error{ErrorKind::usage, output + ": the output would overwrite an input; choose another name"};
  return {};
}

Result<const formats::Format*> format_of(const formats::NativeModel& model) {
  for (const formats::Format* format : formats::all_formats())
    if (format->name() == model.format()) return format;
  return Error{ErrorKind::internal, "no format is named " + std::string(model.format())};
}

Status reverse(const graph::Patch& patch, const formats::NativeModel& model, const ApplyOptions& options) {
  if (!patch.reverse)
    return Error{ErrorKind::usage, options.patch +
                                       ": the patch does not say how to take it back; apply it with "
                                       "'--patch FILE', and the patch written there does"};
  if (patch.reverse->patched_sha256 != model.sha256())
    return Error{ErrorKind::usage, options.model + ": not the file that this patch gives (its SHA-256 is " +
                                       brief(model.sha256()) + ", expected " +
                                       brief(patch.reverse->patched_sha256) +
                                       "); apply the patch to the original, and reverse what that gives"};
  FETAFIX_TRY(const Bytes patched, read_packed(options.model));
  FETAFIX_TRY(Bytes bytes, graph::apply_delta(patched, patch.reverse->delta));
  FETAFIX_TRY(const formats::Format* format, format_of(model));
  FETAFIX_TRY(auto original, format->parse(std::move(bytes), fs::path(options.model).parent_path()));
  if (original->sha256() != patch.model_sha256)
    return Error{ErrorKind::file, options.patch + ": the way back does not lead to the original file"};
  return original->write(options.output);
}

// The patch in terms of the model at hand.
Result<graph::Patch> fitting(graph::Patch patch, const formats::NativeModel& model,
                             const ApplyOptions& options) {
  if (patch.model_sha256 == model.sha256()) return patch;
  if (!options.rebase)
    return Error{ErrorKind::usage, options.model +
                                       ": not the file that the patch was made for (its SHA-256 is " +
                                       brief(model.sha256()) + ", expected " + brief(patch.model_sha256) +
                                       "); --rebase looks for the same operators in this one"};
  FETAFIX_TRY(const formats::Lifted lifted, model.lift());
  auto rebased = graph::rebase(patch, lifted.graph);
  if (!rebased.ok()) return in_context(options.model, std::move(rebased).error());
  return rebased;
}

}  // namespace

Status complete_patch(graph::Patch& patch, const formats::NativeModel& model, const fs::path& model_path,
                      const fs::path& patched_path) {
  patch.format = model.format();
  patch.model_sha256 = model.sha256();
  // What can't be read as a model has no operators that another file may have too.
  if (const auto lifted = model.lift(); lifted.ok()) graph::add_fingerprints(patch, lifted->graph);
  FETAFIX_TRY(const auto patched, formats::read_model(patched_path));
  FETAFIX_TRY(const Bytes before, read_packed(model_path));
  FETAFIX_TRY(const Bytes after, read_packed(patched_path));
  patch.reverse = graph::Reverse{patched->sha256(), graph::make_delta(after, before)};
  return {};
}

Status write_patch(const graph::Patch& patch, const fs::path& path) {
  return write_file(path, dump_json(graph::to_json(patch), 1) + "\n");
}

Status apply(const ApplyOptions& options) {
  FETAFIX_CHECK(check_options(options));
  FETAFIX_TRY(graph::Patch patch, read_patch(options.patch));
  FETAFIX_TRY(const auto model, formats::read_model(options.model));
  if (patch.format != model->format())
    return Error{ErrorKind::usage, "the patch is for a " + patch.format + " file, " + options.model + " is " +
                                       std::string(model->format())};
  if (options.reverse) return reverse(patch, *model, options);
  FETAFIX_TRY(patch, fitting(std::move(patch), *model, options));
  FETAFIX_TRY(const auto patched, model->patched(patch));
  FETAFIX_CHECK(patched->write(options.output));
  if (options.save_patch.empty()) return {};
  FETAFIX_CHECK(complete_patch(patch, *model, options.model, options.output));
  return write_patch(patch, options.save_patch);
}

}  // namespace fetafix::pipeline
