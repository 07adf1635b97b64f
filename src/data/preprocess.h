// Preprocessing: from an image to the tensor that a model was trained on, as a specification in text.
//
//   resize=256:bilinear,crop=224,layout=NCHW,channels=RGB,scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225
//
//   resize=N[:FILTER]     the short side becomes N, the long one keeps the aspect (rounded down, as
//   torchvision does) resize=WxH[:FILTER]   exactly that size; resize=input[:FILTER]: the size of the model's
//   input crop=N | WxH | 0.875  from the center: pixels, or a square of that fraction of the short side
//   layout=NCHW|NHWC  channels=RGB|BGR|GRAY|RGBA
//   scale, mean, std      a value x becomes (x * scale - mean) / std; one number or one a channel, in the
//   order of
//                         `channels`; numbers may be fractions
//   axes=HW|WH            WH: width and height change places
//   order=NCHW|NHWC       the numbers lie in this order whatever the layout is: what a reshape in place of a
//                         transposition makes of a picture
// Steps resize and crop run in the order written. FILTER: bilinear (default), bicubic, nearest, box, lanczos.
// The first item may be a preset's name; what follows replaces its parts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"
#include "data/input_spec.h"
#include "data/resize.h"

namespace fetafix::data {

struct GeometryStep {
  enum class Kind { resize_short, resize_exact, resize_input, crop_exact, crop_fraction };
  Kind kind = Kind::resize_short;
  int width = 0;  // resize_short: of the short side
  int height = 0;
  double fraction = 0;
  Filter filter = Filter::bilinear;
  bool operator==(const GeometryStep&) const = default;
};

enum class Axes { hw, wh };
enum class Layout { nchw, nhwc };
enum class Channels { rgb, bgr, gray, rgba };

struct PreprocessSpec {
  std::vector<GeometryStep> steps;
  std::optional<Layout> layout;
  std::optional<Channels> channels;
  std::optional<double> scale;
  std::vector<double> mean;  // empty, one, or one a channel
  std::vector<double> std;
  Axes axes = Axes::hw;
  std::optional<Layout> order;  // of the numbers; empty: as the layout says
};

// Error kind `usage`; names the item, what is wrong with it and what would be right. An empty text is an
// empty spec.
Result<PreprocessSpec> parse_preprocess(std::string_view text);
// The text form, without presets; parses back to what means the same.
std::string to_text(const PreprocessSpec& spec);

struct Preset {
  std::string_view name, spec, description;
};
const std::vector<Preset>& preprocess_presets();

// A specification made complete for one input of one model.
struct Preprocessing {
  PreprocessSpec spec;  // nothing left out
  InputSpec input;
  int width = 0;  // that the input wants; -1: any
  int height = 0;
  int64_t batch = 1;  // a fixed batch repeats the picture
  bool raw_integers = false;
  std::vector<std::string> assumptions;  // one sentence for each thing that `spec` left out
};

// What the spec leaves out is taken from the input: layout and channels from where 1, 3 or 4 channels are,
// the size from its shape. An integer input without scale, mean and std takes the pixels as they are (int8:
// less 128); with them it is quantized. Errors: kind `usage`, the input is no image or contradicts the spec.
Result<Preprocessing> resolve(const PreprocessSpec& spec, const InputSpec& input);

// Where a specification leaves the size of the picture to a model that takes any: the input, as large as that
// of the model that it is compared with.
InputSpec sized_like(const PreprocessSpec& spec, const InputSpec& input, const InputSpec& other);

// The picture after resizing and cropping, with the channels that the input takes. `image` is RGB or RGBA.
// Error kind `usage`: a crop larger than the image, or a size that the input does not take.
Result<Image> pixels_for(const Image& image, const Preprocessing& preprocessing);
// Of such a picture: [batch, C, H, W] or [batch, H, W, C] (or without batch, as the input has it) in the
// input's type.
Result<Tensor> numbers_of(const Image& pixels, const Preprocessing& preprocessing);
// Both.
Result<Tensor> apply(const Image& image, const Preprocessing& preprocessing);

}  // namespace fetafix::data
