// What the classes of layers take, of Keras 2 and 3: wire facts, read off the signatures and the settings
// that Keras 3.15 and tf_keras 2.21 write.
#include "formats/keras/settings.h"

#include <algorithm>

namespace fetafix::formats::keras {
namespace {

struct Row {
  const char* class_name;
  // "!": it can't do without; ":2", ":3": only that generation; "kernel_*": initializer, regularizer,
  // constraint.
  const char* settings;
};

constexpr Row rows[]{
    {"Activation", "activation!"},
    {"ActivityRegularization", "l1 l2"},
    {"AdaptiveAveragePooling2D", "output_size! data_format"},
    {"Add", ""},
    {"AdditiveAttention", "dropout seed:3 use_scale"},
    {"AlphaDropout", "rate! noise_shape seed"},
    {"Attention", "dropout score_mode seed:3 use_scale"},
    {"Average", ""},
    {"AveragePooling1D", "data_format padding pool_size strides"},
    {"AveragePooling2D", "data_format padding pool_size strides"},
    {"AveragePooling3D", "data_format padding pool_size strides"},
    {"BatchNormalization",
     "axis beta_* center epsilon gamma_* momentum moving_mean_initializer moving_variance_initializer "
     "renorm:3 renorm_clipping:3 renorm_momentum:3 scale synchronized"},
    {"Bidirectional", "layer! backward_layer merge_mode"},
    {"CategoryEncoding", "num_tokens output_mode sparse"},
    {"CenterCrop", "height! width! data_format:3"},
    {"Concatenate", "axis"},
    {"Conv1D",
     "filters! kernel_size! activation activity_regularizer bias_* data_format dilation_rate groups kernel_* "
     "padding strides use_bias"},
    {"Conv1DTranspose",
     "filters! kernel_size! activation activity_regularizer bias_* data_format dilation_rate groups:2 "
     "kernel_* output_padding padding strides use_bias"},
    {"Conv2D",
     "filters! kernel_size! activation activity_regularizer bias_* data_format dilation_rate groups kernel_* "
     "padding strides use_bias"},
    {"Conv2DTranspose",
     "filters! kernel_size! activation activity_regularizer bias_* data_format dilation_rate groups:2 "
     "kernel_* output_padding padding strides use_bias"},
    {"Conv3D",
     "filters! kernel_size! activation activity_regularizer bias_* data_format dilation_rate groups kernel_* "
     "padding strides use_bias"},
    {"Conv3DTranspose",
     "filters! kernel_size! activation activity_regularizer bias_* data_format dilation_rate groups:2 "
     "kernel_* output_padding padding strides use_bias"},
    {"ConvLSTM2D",
     "filters! kernel_size! activation activity_regularizer bias_* data_format dilation_rate dropout "
     "go_backwards kernel_* padding recurrent_activation recurrent_* recurrent_dropout return_sequences "
     "return_state seed:3 stateful strides time_major:2 unit_forget_bias unroll use_bias "
     "zero_output_for_mask:3"},
    {"Cropping1D", "cropping"},
    {"Cropping2D", "cropping data_format"},
    {"Cropping3D", "cropping data_format"},
    {"CustomScaleLayer", "scale!"},
    {"Dense",
     "units! activation activity_regularizer bias_* kernel_* lora_alpha:3 lora_rank:3 quantization_config:3 "
     "use_bias"},
    {"DepthwiseConv1D",
     "kernel_size! activation activity_regularizer bias_* data_format depth_multiplier depthwise_* "
     "dilation_rate groups:2 padding strides use_bias"},
    {"DepthwiseConv2D",
     "kernel_size! activation activity_regularizer bias_* data_format depth_multiplier depthwise_* "
     "dilation_rate groups:2 padding strides use_bias"},
    {"Discretization", "bin_boundaries epsilon num_bins output_mode sparse"},
    {"Dot", "axes! normalize"},
    {"Dropout", "rate! noise_shape seed"},
    {"ELU", "alpha"},
    {"EinsumDense",
     "equation! output_shape! activation activity_regularizer bias_axes bias_* gptq_unpacked_column_size:3 "
     "kernel_* lora_alpha:3 lora_rank:3 quantization_config:3"},
    {"Embedding",
     "input_dim! output_dim! activity_regularizer batch_input_shape:2 embeddings_* input_length:2 "
     "lora_alpha:3 lora_rank:3 mask_zero quantization_config:3 sparse:2"},
    {"Flatten", "data_format"},
    {"GRU",
     "units! activation activity_regularizer bias_* dropout go_backwards implementation:2 kernel_* "
     "recurrent_activation recurrent_* recurrent_dropout reset_after return_sequences return_state seed:3 "
     "stateful time_major:2 unroll use_bias use_cudnn:3 zero_output_for_mask:3"},
    {"GRUCell",
     "units! activation bias_* dropout implementation:2 kernel_* recurrent_activation recurrent_* "
     "recurrent_dropout reset_after seed:3 use_bias"},
    {"GaussianDropout", "rate! seed"},
    {"GaussianNoise", "stddev! seed"},
    {"GlobalAveragePooling1D", "data_format keepdims"},
    {"GlobalAveragePooling2D", "data_format keepdims"},
    {"GlobalAveragePooling3D", "data_format keepdims"},
    {"GlobalMaxPooling1D", "data_format keepdims"},
    {"GlobalMaxPooling2D", "data_format keepdims"},
    {"GlobalMaxPooling3D", "data_format keepdims"},
    {"GroupNormalization", "axis beta_* center epsilon gamma_* groups scale"},
    {"GroupQueryAttention",
     "head_dim! num_key_value_heads! num_query_heads! activity_regularizer bias_* dropout flash_attention "
     "kernel_* seed sliding_window use_bias use_gate"},
    {"Identity", ""},
    {"InputLayer",
     "batch_input_shape:2 batch_shape:3 batch_size input_shape:2 optional ragged shape:3 sparse"},
    {"LSTM",
     "units! activation activity_regularizer bias_* dropout go_backwards implementation:2 kernel_* "
     "recurrent_activation recurrent_* recurrent_dropout return_sequences return_state seed:3 stateful "
     "time_major:2 unit_forget_bias unroll use_bias use_cudnn:3 zero_output_for_mask:3"},
    {"LSTMCell",
     "units! activation bias_* dropout implementation:2 kernel_* recurrent_activation recurrent_* "
     "recurrent_dropout seed:3 unit_forget_bias use_bias"},
    {"Lambda",
     "function! arguments function_type:2 mask module:2 output_shape output_shape_module:2 "
     "output_shape_type:2"},
    {"LayerNormalization", "axis beta_* center epsilon gamma_* rms_scaling:3 scale"},
    {"LayerScale", "init_values! projection_dim!"},
    {"LeakyReLU", "alpha:2 negative_slope:3"},
    {"Masking", "mask_value"},
    {"MaxPooling1D", "data_format padding pool_size strides"},
    {"MaxPooling2D", "data_format padding pool_size strides"},
    {"MaxPooling3D", "data_format padding pool_size strides"},
    {"Maximum", ""},
    {"Minimum", ""},
    {"MultiHeadAttention",
     "key_dim! num_heads! activity_regularizer attention_axes bias_* dropout flash_attention:3 kernel_* "
     "key_shape:2 output_shape query_shape:2 seed:3 sliding_window:3 softmax_robust_masking:2 use_bias "
     "use_gate:3 value_dim value_shape:2"},
    {"Multiply", ""},
    {"Normalization", "axis invert mean variance"},
    {"PReLU", "alpha_* shared_axes"},
    {"Permute", "dims!"},
    {"RMSNormalization", "axis epsilon"},
    {"RNN",
     "cell! go_backwards return_sequences return_state stateful time_major:2 unroll zero_output_for_mask:3"},
    {"RandomBrightness", "factor! data_format:3 rng_type:2 seed value_range"},
    {"RandomContrast", "factor! data_format:3 rng_type:2 seed value_range:3"},
    {"RandomCrop", "height! width! data_format:3 rng_type:2 seed"},
    {"RandomFlip", "data_format:3 mode rng_type:2 seed"},
    {"RandomHeight", "factor! interpolation rng_type seed"},
    {"RandomRotation", "factor! data_format:3 fill_mode fill_value interpolation rng_type:2 seed"},
    {"RandomTranslation",
     "height_factor! width_factor! data_format:3 fill_mode fill_value interpolation rng_type:2 seed"},
    {"RandomWidth", "factor! interpolation rng_type seed"},
    {"RandomZoom",
     "height_factor! data_format:3 fill_mode fill_value interpolation rng_type:2 seed width_factor"},
    {"ReLU", "max_value negative_slope threshold"},
    {"RepeatVector", "n!"},
    {"Rescaling", "scale! offset"},
    {"Reshape", "target_shape!"},
    {"Resizing",
     "height! width! antialias:3 crop_to_aspect_ratio data_format:3 fill_mode:3 fill_value:3 interpolation "
     "pad_to_aspect_ratio:3"},
    {"SeparableConv1D",
     "filters! kernel_size! activation activity_regularizer bias_* data_format depth_multiplier depthwise_* "
     "dilation_rate groups:2 kernel_*:2 padding pointwise_* strides use_bias"},
    {"SeparableConv2D",
     "filters! kernel_size! activation activity_regularizer bias_* data_format depth_multiplier depthwise_* "
     "dilation_rate groups:2 kernel_*:2 padding pointwise_* strides use_bias"},
    {"SimpleRNN",
     "units! activation activity_regularizer bias_* dropout go_backwards kernel_* recurrent_* "
     "recurrent_dropout return_sequences return_state seed:3 stateful time_major:2 unroll use_bias "
     "zero_output_for_mask:3"},
    {"SimpleRNNCell",
     "units! activation bias_* dropout kernel_* recurrent_* recurrent_dropout seed:3 use_bias"},
    {"Softmax", "axis robust_masking:2"},
    {"SpatialDropout1D", "rate! noise_shape:2 seed"},
    {"SpatialDropout2D", "rate! data_format noise_shape:2 seed"},
    {"SpatialDropout3D", "rate! data_format noise_shape:2 seed"},
    {"SpectralNormalization", "layer! power_iterations"},
    {"StochasticDepth", "drop_path_rate!"},
    {"Subtract", ""},
    {"ThresholdedReLU", "theta"},
    {"TimeDistributed", "layer!"},
    {"UnitNormalization", "axis"},
    {"UpSampling1D", "size"},
    {"UpSampling2D", "data_format interpolation size"},
    {"UpSampling3D", "data_format size"},
    {"ZeroPadding1D", "data_format:3 padding"},
    {"ZeroPadding2D", "data_format padding"},
    {"ZeroPadding3D", "data_format padding"},
};

// Classes whose settings nobody here has looked at.
constexpr const char* others[]{"AbstractRNNCell",
                               "AdaptiveAveragePooling1D",
                               "AdaptiveAveragePooling3D",
                               "AdaptiveMaxPooling1D",
                               "AdaptiveMaxPooling2D",
                               "AdaptiveMaxPooling3D",
                               "AddLoss",
                               "AddMetric",
                               "AugMix",
                               "AutoContrast",
                               "AvgPool1D",
                               "AvgPool2D",
                               "AvgPool3D",
                               "ClassMethod",
                               "ClassProperty",
                               "ContrastLimitedAdaptiveHistogramEqualization",
                               "ConvLSTM1D",
                               "ConvLSTM3D",
                               "Convolution1D",
                               "Convolution1DTranspose",
                               "Convolution2D",
                               "Convolution2DTranspose",
                               "Convolution3D",
                               "Convolution3DTranspose",
                               "CuDNNGRU",
                               "CuDNNLSTM",
                               "CutMix",
                               "DenseFeatures",
                               "Equalization",
                               "FlaxLayer",
                               "GlobalAvgPool1D",
                               "GlobalAvgPool2D",
                               "GlobalAvgPool3D",
                               "GlobalMaxPool1D",
                               "GlobalMaxPool2D",
                               "GlobalMaxPool3D",
                               "GroupedQueryAttention",
                               "HashedCrossing",
                               "Hashing",
                               "InstanceMethod",
                               "InstanceProperty",
                               "IntegerLookup",
                               "JaxLayer",
                               "LocallyConnected1D",
                               "LocallyConnected2D",
                               "MaxNumBoundingBoxes",
                               "MaxPool1D",
                               "MaxPool2D",
                               "MaxPool3D",
                               "MelSpectrogram",
                               "MixUp",
                               "Pipeline",
                               "RandAugment",
                               "RandomColorDegeneration",
                               "RandomColorJitter",
                               "RandomElasticTransform",
                               "RandomErasing",
                               "RandomGaussianBlur",
                               "RandomGrayscale",
                               "RandomHue",
                               "RandomInvert",
                               "RandomPerspective",
                               "RandomPosterization",
                               "RandomSaturation",
                               "RandomSharpness",
                               "RandomShear",
                               "ReversibleEmbedding",
                               "STFTSpectrogram",
                               "SeparableConvolution1D",
                               "SeparableConvolution2D",
                               "SlicingOpLambda",
                               "Solarization",
                               "StackedRNNCells",
                               "StringLookup",
                               "TFOpLambda",
                               "TFSMLayer",
                               "TextVectorization",
                               "TorchModuleWrapper",
                               "Wrapper"};

// What every layer takes, in the same words.
constexpr const char* of_all =
    "name trainable dtype activity_regularizer autocast input_dim input_shape batch_input_shape:2 "
    "batch_size:2 weights:2 implementation:2 dynamic:2";

void add(ClassSettings& out, std::string word) {
  Setting one;
  if (word.size() > 2 && word[word.size() - 2] == ':') {
    one.only = word.back() - '0';
    word.resize(word.size() - 2);
  }
  if (word.back() == '!') {
    one.required = true;
    word.pop_back();
  }
  if (!word.ends_with("_*")) {
    out.settings[word] = one;
    return;
  }
  word.pop_back();
  for (const char* kind : {"initializer", "regularizer", "constraint"}) out.settings[word + kind] = one;
}

void add_all(ClassSettings& out, const std::string& words) {
  for (size_t from = 0; from < words.size();) {
    const size_t to = std::min(words.find(' ', from), words.size());
    add(out, words.substr(from, to - from));
    from = to + 1;
  }
}

}  // namespace

const std::map<std::string, ClassSettings>& class_settings() {
  static const auto table = [] {
    std::map<std::string, ClassSettings> out;
    for (const Row& row : rows) add_all(out[row.class_name], row.settings);
    return out;
  }();
  return table;
}

bool is_another_class(const std::string& class_name) {
  return std::ranges::find(others, class_name) != std::end(others);
}

bool is_of_all(const std::string& name, int generation) {
  static const auto settings = [] {
    ClassSettings out;
    add_all(out, of_all);
    return out;
  }();
  return settings.takes(name, generation);
}

bool ClassSettings::takes(const std::string& name, int generation) const {
  const auto found = settings.find(name);
  return found != settings.end() && (found->second.only == 0 || found->second.only == generation);
}

}  // namespace fetafix::formats::keras
