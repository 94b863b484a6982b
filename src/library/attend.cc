// attend.h over the pipeline: arguments checked, values handed on, exceptions turned into statuses. Nothing else.
//
// T words
#include <attend/attend.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <opencv2/imgproc.hpp>
#include <span>

#include "base/data_folder.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "library/guard.h"
#include "metrics/measure.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/caption_record.h"
#include "pipeline/open_models.h"
#include "pipeline/picture_files.h"
#include "pipeline/score_pictures.h"
#include "text/ptb_tokenizer.h"

using namespace attend;

struct attend_model {
  Ensemble ensemble;
  DecodeOptions decode;                               // the model's own
  std::string about;                                  // JSON
  std::vector<const char*> must = {}, must_not = {};  // of `decode`
};

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// What a handle of a seen picture shares with its copies.
struct Seen {
  /// A scored picture has the captions that were given.
  explicit Seen(ScoredPicture scored_picture) : scored(std::move(scored_picture)), picture(scored.seen) {
    for (const auto& caption : picture.captions) words.push_back(pointers(caption.words));
    for (const auto& one : scored.given) {
      likeliest.push_back(pointers(one.likeliest));
      auto& of_caption = unknown.emplace_back();
      for (const size_t place : one.unknown) of_caption.push_back(one.tokens[place].c_str());
    }
  }
  static std::vector<const char*> pointers(const std::vector<std::string>& texts) {
    std::vector<const char*> list;
    for (const auto& text : texts) list.push_back(text.c_str());
    return list;
  }
  const ScoredPicture scored;
  const SeenPicture& picture;
  std::vector<std::vector<const char*>> words;               // [captions][T]
  std::vector<std::vector<const char*>> unknown, likeliest;  // [captions][words left out], [captions][T + 1]
  mutable std::once_flag json_is_made;
  mutable std::string json;
};

}  // namespace

struct attend_seen {
  std::shared_ptr<const Seen> shared;
};

struct attend_image {
  cv::Mat rgb;  // u8 [height, width, 3], rows without gaps
};

struct attend_texts {
  std::vector<std::string> texts;
  std::vector<const char*> items;
};

namespace {

template <class T>
T& require(T* pointer, const char* name) {
  if (!pointer) throw UsageError(std::string(name) + ": is NULL");
  return *pointer;
}

int threads_of(int asked) {
  if (asked < 0 || asked > 4096)
    throw UsageError("threads: " + std::to_string(asked) + " is not allowed; it takes 0 to 4096");
  return asked > 0 ? asked : available_processors();
}

PictureSource source_of(const attend_picture& picture, size_t index) {
  if (!picture.data) throw UsageError("picture.data: is NULL");
  if (picture.kind == ATTEND_PICTURE_FILE) return std::filesystem::path(static_cast<const char*>(picture.data));
  const std::string name = picture.name ? picture.name : "picture " + std::to_string(index + 1);
  const auto* bytes = static_cast<const unsigned char*>(picture.data);
  if (picture.kind == ATTEND_PICTURE_ENCODED) return EncodedPicture{{bytes, picture.size}, name};
  if (picture.kind != ATTEND_PICTURE_RGB)
    throw UsageError("picture.kind: " + std::to_string(picture.kind) + " is none");
  const size_t stride =
      picture.stride > 0 || picture.width < 0 ? picture.stride : 3 * static_cast<size_t>(picture.width);
  return RgbPicture{bytes, picture.width, picture.height, stride, name};
}

torch::Device device_of(const char* name) {
  const std::string device = name ? name : "auto";
  if (device != "auto" && device != "cpu" && device != "cuda")
    throw UsageError("settings.device: " + quote(device) + " is not allowed; it takes auto, cpu or cuda");
  if (device == "cuda" && !torch::cuda::is_available())
    throw UsageError("settings.device: no CUDA device is available to this LibTorch");
  return choose_device(device);
}

ModelChoice choice_of(const attend_settings& settings) {
  ModelChoice choice;
  if (settings.precision) choice.precision = settings.precision;
  if (choice.precision != "model" && choice.precision != "fp32" && choice.precision != "bf16" &&
      choice.precision != "int8")
    throw UsageError("settings.precision: " + quote(choice.precision) + " is not allowed; it takes fp32, bf16 or int8");
  choice.input_size = settings.input_size;
  if (choice.input_size != 0 && (choice.input_size < kLeastInputSize || choice.input_size > kMostInputSize))
    throw UsageError("settings.input_size: " + std::to_string(choice.input_size) + " is not allowed; it takes 0 or " +
                     std::to_string(kLeastInputSize) + " to " + std::to_string(kMostInputSize));
  return choice;
}

std::unique_ptr<attend_model> make_model(std::vector<Captioner> captioners, const std::vector<std::string>& sources,
                                         const ModelChoice& choice, torch::Device device) {
  auto model = std::make_unique<attend_model>(
      attend_model{make_ensemble(std::move(captioners), sources, choice, device), {}, {}});
  model->decode = model_decode_options(model->ensemble.first(), sources.front());
  for (const auto& phrase : model->decode.must) model->must.push_back(phrase.c_str());
  for (const auto& phrase : model->decode.must_not) model->must_not.push_back(phrase.c_str());
  model->about = one_line(model->ensemble.first().about);
  return model;
}

double finite(double value, const char* name) {
  if (!std::isfinite(value)) throw UsageError(std::string(name) + ": must be a finite number");
  return value;
}

std::vector<std::string> texts_of(const char* const* texts, size_t count, const std::string& name) {
  std::vector<std::string> list;
  for (size_t i = 0; i < count; ++i) {
    const char* text = (&require(texts, name.c_str()))[i];
    list.emplace_back(&require(text, (name + "[" + std::to_string(i) + "]").c_str()));
  }
  return list;
}

constexpr const char* kLocations[] = {"expected", "argmax", "sampled"};

/// The ranges are those of the list of options.
DecodeOptions decode_options(const attend_options& options) {
  if (static_cast<unsigned>(options.locations) > ATTEND_SAMPLED)
    throw UsageError("options.locations: " + std::to_string(options.locations) + " is none");
  DecodeOptions decode;
  OptionList list;
  decode.list(list);
  list.read_json({{"decode",
                   {{"beam_width", options.beam_width},
                    {"n_best", options.n_best},
                    {"length_exponent", finite(options.length_exponent, "options.length_exponent")},
                    {"frequency_exponent", finite(options.frequency_exponent, "options.frequency_exponent")},
                    {"temperature", finite(options.temperature, "options.temperature")},
                    {"min_length", options.min_length},
                    {"max_length", options.max_length},
                    {"repetition_penalty", finite(options.repetition_penalty, "options.repetition_penalty")},
                    {"no_repeat_ngram", options.no_repeat_ngram},
                    {"locations", kLocations[options.locations]},
                    {"beam_groups", options.beam_groups},
                    {"diversity", finite(options.diversity, "options.diversity")},
                    {"must", texts_of(options.must, options.must_count, "options.must")},
                    {"must_not", texts_of(options.must_not, options.must_not_count, "options.must_not")}}}},
                 "options");
  return decode;
}

OverlayOptions overlay_options(const attend_style& style) {
  OverlayOptions overlay;
  OptionList list;
  overlay.list(list);
  list.read_json({{"overlay",
                   {{"style", &require(style.style, "style.style")},
                    {"tile", style.tile},
                    {"columns", style.columns},
                    {"darken", finite(style.darken, "style.darken")},
                    {"glow", finite(style.glow, "style.glow")},
                    {"alpha", finite(style.alpha, "style.alpha")},
                    {"smoothing", finite(style.smoothing, "style.smoothing")},
                    {"font_scale", finite(style.font_scale, "style.font_scale")}}}},
                 "style");
  return overlay;
}

void fill(attend_options& options, const attend_model& model) {
  const DecodeOptions& decode = model.decode;
  options = {};
  options.beam_width = decode.beam_width;
  options.n_best = decode.n_best;
  options.length_exponent = decode.length_exponent;
  options.frequency_exponent = decode.frequency_exponent;
  options.temperature = decode.temperature;
  options.min_length = decode.min_length;
  options.max_length = decode.max_length;
  options.repetition_penalty = decode.repetition_penalty;
  options.no_repeat_ngram = decode.no_repeat_ngram;
  options.locations = decode.locations == "argmax"    ? ATTEND_ARGMAX
                      : decode.locations == "sampled" ? ATTEND_SAMPLED
                                                      : ATTEND_EXPECTED;
  options.batch_size = kBatchSize;
  options.beam_groups = decode.beam_groups;
  options.diversity = decode.diversity;
  options.must = model.must.data();
  options.must_count = model.must.size();
  options.must_not = model.must_not.data();
  options.must_not_count = model.must_not.size();
}

const SeenPicture& captioned(const attend_seen* seen) {
  const SeenPicture& picture = require(seen, "seen").shared->picture;
  if (picture.refused()) throw UsageError("seen: has no captions: " + picture.refusal);
  if (picture.captions.empty()) throw UsageError("seen: has no captions: none of those given could be scored");
  return picture;
}

const SeenCaption& caption_of(const SeenPicture& picture, size_t which) {
  if (which >= picture.captions.size())
    throw UsageError("caption " + std::to_string(which) + ": there are only " +
                     std::to_string(picture.captions.size()));
  return picture.captions[which];
}

/// The pixels of the picture that was seen. Throws InputError for one of another shape.
cv::Mat read_seen(const attend_picture* from, const SeenPicture& seen, int reduce_to) {
  const PictureSource source = source_of(require(from, "picture"), seen.index);
  const Picture picture = source.read(reduce_to);
  const auto text = [](cv::Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height); };
  const auto [width, height] = picture.full;
  const int64_t across = int64_t{width} * seen.size.height, down = int64_t{height} * seen.size.width;
  if (std::abs(across - down) > std::max({width, height, seen.size.width, seen.size.height}))
    throw InputError(source.name() + ": is " + text(picture.full) + " pixels, another shape than the " +
                     text(seen.size) + " that were captioned");
  return picture.pixels;
}

OverlayOptions style_of(const attend_style* style) { return style ? overlay_options(*style) : OverlayOptions(); }

attend_image* image_of(const cv::Mat& bgr) {
  auto image = std::make_unique<attend_image>();
  cv::cvtColor(bgr, image->rgb, cv::COLOR_BGR2RGB);
  return image.release();
}

attend_figures figures_of(const std::vector<Measure>& measures, const std::function<double(const Measure&)>& value) {
  attend_figures figures{{kUnknown, kUnknown, kUnknown, kUnknown}, kUnknown, kUnknown, kUnknown, kUnknown, 0};
  for (const auto& measure : measures) {
    if (measure.key.starts_with("bleu_")) figures.bleu[measure.key.back() - '1'] = value(measure);
    if (measure.key.starts_with("meteor"))
      figures.meteor = value(measure), figures.meteor_whole = measure.key == "meteor";
    if (measure.key == "rouge_l") figures.rouge_l = value(measure);
    if (measure.key == "cider") figures.cider = value(measure);
    if (measure.key == "cider_d") figures.cider_d = value(measure);
  }
  return figures;
}

/// What captioning and scoring share: arguments checked and as the pipeline takes them.
struct Call {
  Call(attend_model& model, const attend_picture* pictures, size_t count, const attend_options* asked,
       attend_take taker, void* of_taker)
      : take(taker), context(of_taker) {
    if (!take) throw UsageError("take: is NULL");
    fill(options, model);
    if (asked) options = *asked;
    if (options.batch_size < 1 || options.batch_size > 4096)
      throw UsageError("options.batch_size: " + std::to_string(options.batch_size) +
                       " is not allowed; it takes 1 to 4096");
    decode = decode_options(options);
    threads = threads_of(options.threads);
    model.ensemble.check(decode);
    for (size_t i = 0; i < count; ++i) sources.push_back(source_of((&require(pictures, "pictures"))[i], i));
    if (sources.empty()) return;
    require_threads(2 * threads);  // workers, and those that LibTorch waits for until they have begun
    if (options.log)
      host.warn = [this](const std::string& message) { options.log(options.context, ATTEND_WARNING, message.c_str()); };
    if (options.cancelled) host.cancelled = [this] { return options.cancelled(options.context) != 0; };
  }
  Call(const Call&) = delete;

  void hand_on(ScoredPicture picture) const {
    const size_t index = picture.seen.index;
    const attend_seen seen{std::make_shared<const Seen>(std::move(picture))};
    if (take(context, &seen) != 0)
      throw Interrupted("stopped after " + counted_of(index + 1, sources.size(), "picture"));
  }

  const attend_take take;
  void* const context;
  attend_options options;
  DecodeOptions decode;
  int threads = 1;
  std::vector<PictureSource> sources;
  Host host;
};

}  // namespace

const char* attend_version(void) { return ATTEND_VERSION; }

attend_status attend_check_abi(int abi) {
  return guarded([&] {
    if (abi != ATTEND_ABI)
      throw UsageError("abi: this program was compiled for ABI " + std::to_string(abi) +
                       " of attend, and runs with attend " + ATTEND_VERSION + " of ABI " + std::to_string(ATTEND_ABI) +
                       "; compile it anew");
  });
}

const char* attend_message(void) { return last_message(); }

attend_status attend_model_open(const char* const* paths, size_t count, const attend_settings* settings,
                                attend_model** model) {
  return guarded([&] {
    require(model, "model") = nullptr;
    const ModelChoice choice = choice_of(settings ? *settings : attend_settings{});
    const torch::Device device = device_of(settings ? settings->device : nullptr);
    std::vector<std::string> sources;
    for (size_t i = 0; i < count; ++i) sources.emplace_back(&require((&require(paths, "paths"))[i], "paths"));
    if (sources.empty()) sources.push_back(embedded_model("by its path").string());
    std::vector<Captioner> captioners;
    for (const auto& source : sources) captioners.push_back(load_captioner(source));
    *model = make_model(std::move(captioners), sources, choice, device).release();
  });
}

attend_status attend_model_open_bytes(const void* const* bytes, const size_t* sizes, size_t count,
                                      const attend_settings* settings, attend_model** model) {
  return guarded([&] {
    require(model, "model") = nullptr;
    if (count == 0) throw UsageError("count: at least one model is needed");
    require(bytes, "bytes");
    require(sizes, "sizes");
    const ModelChoice choice = choice_of(settings ? *settings : attend_settings{});
    const torch::Device device = device_of(settings ? settings->device : nullptr);
    std::vector<std::string> sources;
    std::vector<Captioner> captioners;
    for (size_t i = 0; i < count; ++i) {
      if (!bytes[i]) throw UsageError("bytes: is NULL");
      sources.push_back("model " + std::to_string(i + 1));
      captioners.push_back(
          load_captioner(std::as_bytes(std::span(static_cast<const char*>(bytes[i]), sizes[i])), sources.back()));
    }
    *model = make_model(std::move(captioners), sources, choice, device).release();
  });
}

void attend_model_close(attend_model* model) { delete model; }

attend_status attend_model_about(const attend_model* model, const char** json) {
  return guarded([&] {
    require(json, "json") = nullptr;
    *json = require(model, "model").about.c_str();
  });
}

attend_status attend_model_grid(const attend_model* model, int* rows, int* columns) {
  return guarded([&] {
    require(rows, "rows") = require(columns, "columns") = 0;
    const Captioner& first = require(model, "model").ensemble.first();
    const auto grid = first.encoder->grid(first.options.encoder.input_size);
    *rows = static_cast<int>(grid[0]);
    *columns = static_cast<int>(grid[1]);
  });
}

attend_picture attend_picture_file(const char* path) { return {ATTEND_PICTURE_FILE, path, 0, 0, 0, 0, nullptr}; }

attend_picture attend_picture_encoded(const void* bytes, size_t size) {
  return {ATTEND_PICTURE_ENCODED, bytes, size, 0, 0, 0, nullptr};
}

attend_picture attend_picture_rgb(const void* pixels, int width, int height, size_t stride) {
  return {ATTEND_PICTURE_RGB, pixels, 0, width, height, stride, nullptr};
}

attend_status attend_options_init(const attend_model* model, attend_options* options) {
  return guarded([&] { fill(require(options, "options"), require(model, "model")); });
}

attend_status attend_model_caption(attend_model* model, const attend_picture* pictures, size_t count,
                                   const attend_options* options, attend_take take, void* context) {
  return guarded([&] {
    Ensemble& ensemble = require(model, "model").ensemble;
    const Call call(*model, pictures, count, options, take, context);
    if (count == 0) return;
    if (const auto remark = ensemble.remark(call.decode); !remark.empty()) call.host.warn(remark);
    if (!ensemble.first().confidence.is_null())
      if (const std::string fault = ensemble.confidence_fault(call.decode); !fault.empty())
        call.host.warn("no confidence is given: " + fault);
    const CaptionWork work{call.decode, call.threads, call.options.batch_size};
    caption_pictures(ensemble, call.sources, work, call.host, [&](std::vector<SeenPicture>& batch) {
      for (auto& picture : batch) call.hand_on({std::move(picture), {}, {}});
    });
  });
}

attend_status attend_model_score(attend_model* model, const attend_picture* pictures, const attend_captions* captions,
                                 size_t count, const attend_options* options, attend_take take, void* context) {
  return guarded([&] {
    Ensemble& ensemble = require(model, "model").ensemble;
    const Call call(*model, pictures, count, options, take, context);
    std::vector<std::vector<std::string>> texts;
    for (size_t i = 0; i < count; ++i) {
      const attend_captions& given = (&require(captions, "captions"))[i];
      if (given.count == 0) throw UsageError("captions.count: at least one caption a picture is needed");
      auto& of_picture = texts.emplace_back();
      for (size_t c = 0; c < given.count; ++c)
        of_picture.emplace_back(&require((&require(given.texts, "captions.texts"))[c], "captions.texts"));
    }
    if (count == 0) return;
    ScoreWork work;
    work.decode = call.decode;
    work.plan = {call.threads, call.options.batch_size};
    score_pictures(ensemble, call.sources, texts, work, call.host, [&](std::vector<ScoredPicture>& batch) {
      for (auto& picture : batch) call.hand_on(std::move(picture));
    });
  });
}

attend_status attend_seen_given(const attend_seen* seen, size_t which, attend_given* given) {
  return guarded([&] {
    require(given, "given") = {};
    const Seen& shared = *require(seen, "seen").shared;
    const ScoredPicture& of = shared.scored;
    const auto here = [&](const auto& one) { return one.place == which; };
    if (const auto refused = std::find_if(of.refusals.begin(), of.refusals.end(), here); refused != of.refusals.end()) {
      given->refusal = refused->text.c_str();
      given->perplexity = kUnknown;
      return;
    }
    const auto found = std::find_if(of.given.begin(), of.given.end(), here);
    if (found == of.given.end())
      throw UsageError("caption " + std::to_string(which) + ": there are only " +
                       std::to_string(of.given.size() + of.refusals.size()) + " that were given");
    given->caption = static_cast<size_t>(found - of.given.begin());
    given->perplexity = found->perplexity;
    given->unknown_count = found->unknown.size();
    given->unknown = shared.unknown[given->caption].data();
    given->rank = found->rank.data();
    given->likeliest = shared.likeliest[given->caption].data();
    given->likeliest_log_probability = found->likeliest_log_probability.data();
  });
}

attend_status attend_seen_picture(const attend_seen* seen, attend_seen_info* info) {
  return guarded([&] {
    require(info, "info") = {};
    const SeenPicture& picture = require(seen, "seen").shared->picture;
    info->index = picture.index;
    info->name = picture.name.c_str();
    info->refusal = picture.refused() ? picture.refusal.c_str() : nullptr;
    info->caption_count = picture.captions.size();
    info->width = picture.size.width;
    info->height = picture.size.height;
    const cv::Rect2d area = picture.area();
    info->area_x = area.x, info->area_y = area.y, info->area_width = area.width, info->area_height = area.height;
    info->familiar = picture.familiar ? *picture.familiar : -1;
  });
}

attend_status attend_seen_caption(const attend_seen* seen, size_t which, attend_caption* caption) {
  return guarded([&] {
    require(caption, "caption") = {};
    const SeenCaption& of = caption_of(captioned(seen), which);
    caption->text = of.text.c_str();
    caption->word_count = of.words.size();
    caption->words = seen->shared->words[which].data();
    caption->log_probability_count = of.word_log_probability.size();
    caption->word_log_probability = of.word_log_probability.data();
    caption->plain_word_log_probability = of.plain_word_log_probability.data();
    caption->log_probability = of.log_probability;
    caption->plain_log_probability = of.plain_log_probability;
    caption->confidence = of.confidence.value_or(kUnknown);
    caption->rows = of.attention.grid.rows;
    caption->columns = of.attention.grid.columns;
    caption->attention = of.attention.weights.data();
    caption->locations = of.locations.data();
  });
}

attend_status attend_seen_json(const attend_seen* seen, const char** json) {
  return guarded([&] {
    require(json, "json") = nullptr;
    const SeenPicture& picture = captioned(seen);
    const Seen& shared = *seen->shared;
    std::call_once(shared.json_is_made, [&] {
      if (shared.scored.given.empty()) {
        shared.json = one_line(caption_record(picture));
        return;
      }
      Json records = Json::array();
      for (size_t i = 0; i < shared.scored.given.size(); ++i) records.push_back(score_record(shared.scored, i, true));
      shared.json = one_line(records);
    });
    *json = shared.json.c_str();
  });
}

attend_status attend_seen_keep(const attend_seen* seen, attend_seen** kept) {
  return guarded([&] {
    require(kept, "kept") = nullptr;
    *kept = new attend_seen(require(seen, "seen"));
  });
}

void attend_seen_free(attend_seen* seen) { delete seen; }

attend_status attend_style_init(attend_style* style) {
  return guarded([&] {
    const OverlayOptions usual;
    require(style, "style") = {"glow",     usual.tile,  usual.columns,   usual.darken,
                               usual.glow, usual.alpha, usual.smoothing, usual.font_scale};
  });
}

attend_status attend_draw_page(const attend_seen* seen, const attend_picture* picture, const attend_style* style,
                               attend_image** image) {
  return guarded([&] {
    require(image, "image") = nullptr;
    const SeenPicture& of = captioned(seen);
    const OverlayOptions overlay = style_of(style);
    *image = image_of(draw_caption(read_seen(picture, of, overlay.tile), of, overlay));
  });
}

attend_status attend_draw_word(const attend_seen* seen, size_t caption, size_t word, const attend_picture* picture,
                               const attend_style* style, attend_image** image) {
  return guarded([&] {
    require(image, "image") = nullptr;
    const SeenPicture& of = captioned(seen);
    const auto words = word_maps(caption_of(of, caption));
    if (word >= words.size())
      throw UsageError("word " + std::to_string(word) + ": there are only " + std::to_string(words.size()));
    *image = image_of(draw_word(read_seen(picture, of, 0), of.geometry(), words[word], style_of(style)));
  });
}

attend_status attend_image_pixels(const attend_image* image, int* width, int* height, const unsigned char** rgb) {
  return guarded([&] {
    require(width, "width") = require(height, "height") = 0;
    require(rgb, "rgb") = nullptr;
    const cv::Mat& pixels = require(image, "image").rgb;
    *width = pixels.cols;
    *height = pixels.rows;
    *rgb = pixels.data;
  });
}

attend_status attend_image_write(const attend_image* image, const char* path) {
  return guarded([&] {
    cv::Mat bgr;
    cv::cvtColor(require(image, "image").rgb, bgr, cv::COLOR_RGB2BGR);
    write_picture(&require(path, "path"), bgr);
  });
}

void attend_image_free(attend_image* image) { delete image; }

attend_status attend_evaluate(const attend_candidate* candidates, size_t count, const char* meteor_tables, int threads,
                              attend_figures* corpus, attend_figures* pictures) {
  return guarded([&] {
    require(corpus, "corpus") = figures_of({}, {});
    if (count == 0) throw UsageError("count: at least one candidate is needed");
    std::vector<CaptionPair> pairs;
    for (size_t i = 0; i < count; ++i) {
      const attend_candidate& one = (&require(candidates, "candidates"))[i];
      const std::string name = "candidates[" + std::to_string(i) + "]";
      if (one.reference_count == 0) throw UsageError(name + ": at least one reference is needed");
      std::vector<std::string> references;
      for (size_t r = 0; r < one.reference_count; ++r)
        references.emplace_back(
            &require((&require(one.references, (name + ".references").c_str()))[r], (name + ".references").c_str()));
      pairs.push_back(tokenize_pair(&require(one.caption, (name + ".caption").c_str()), references));
    }
    const auto measures =
        measure(pairs, {find_meteor_tables(meteor_tables ? meteor_tables : ""), {}, threads_of(threads)});
    *corpus = figures_of(measures, [](const Measure& measure) { return measure.corpus; });
    for (size_t i = 0; pictures && i < count; ++i)
      pictures[i] = figures_of(measures, [i](const Measure& measure) { return measure.pictures[i]; });
  });
}

attend_status attend_tokenize(const char* line, int keep_punctuation, attend_texts** tokens) {
  return guarded([&] {
    require(tokens, "tokens") = nullptr;
    const std::string_view text = &require(line, "line");
    auto made = std::make_unique<attend_texts>();
    made->texts = keep_punctuation ? ptb_tokenize(text) : caption_tokens(text);
    for (const auto& token : made->texts) made->items.push_back(token.c_str());
    *tokens = made.release();
  });
}

attend_status attend_texts_items(const attend_texts* texts, const char* const** items, size_t* count) {
  return guarded([&] {
    require(items, "items") = nullptr;
    require(count, "count") = 0;
    *items = require(texts, "texts").items.data();
    *count = texts->items.size();
  });
}

void attend_texts_free(attend_texts* texts) { delete texts; }
