// attend._native: the C interface (attend/attend.h) as Python objects. Handles free themselves, statuses become
// exceptions, and Python's lock is released while attend computes. What attend.h doesn't do isn't done here.
//
// T words · grid of rows x columns cells
#include <attend/attend.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace py = pybind11;

namespace {

PyObject* error_type = nullptr;        // attend.Error
PyObject* input_error_type = nullptr;  // attend.InputError

py::object text(const char* utf8) {
  return py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(utf8, std::strlen(utf8), "backslashreplace"));
}

/// A file's name; bytes that aren't text come back through os.fsencode.
py::object file_name(const char* name) { return py::reinterpret_steal<py::object>(PyUnicode_DecodeFSDefault(name)); }

[[noreturn]] void fail(attend_status status, const char* message) {
  PyObject* type = status == ATTEND_INVALID     ? PyExc_ValueError
                   : status == ATTEND_INPUT     ? input_error_type
                   : status == ATTEND_NO_MEMORY ? PyExc_MemoryError
                                                : error_type;
  PyErr_SetObject(type, text(message).ptr());
  throw py::error_already_set();
}

/// To be called in the thread that made the call, with Python's lock.
void check(attend_status status) {
  if (status != ATTEND_OK) fail(status, attend_message());
}

/// C's text of Python's: str as UTF-8, bytes as they are.
std::string c_text(const py::object& value) {
  std::string result = py::cast<std::string>(value);
  if (result.find('\0') != std::string::npos) throw py::value_error("embedded null character");
  return result;
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> result;
  for (const auto& one : texts) result.push_back(one.c_str());
  return result;
}

std::vector<std::string> c_texts(const py::iterable& values) {
  std::vector<std::string> result;
  for (const auto& value : values) result.push_back(c_text(py::reinterpret_borrow<py::object>(value)));
  return result;
}

py::list texts(const char* const* items, size_t count) {
  py::list result(count);
  for (size_t i = 0; i < count; ++i) result[i] = text(items[i]);
  return result;
}

py::object known(double figure) { return std::isnan(figure) ? py::object(py::none()) : py::float_(figure); }

/// An attend_picture that keeps what it points to.
class Picture {
 public:
  static std::unique_ptr<Picture> file(const py::bytes& path) {
    auto result = std::make_unique<Picture>();
    result->name_ = c_text(path);
    result->picture_ = attend_picture_file(nullptr);
    return result;
  }

  static std::unique_ptr<Picture> encoded(const py::buffer& bytes, const py::object& name) {
    auto result = std::make_unique<Picture>();
    result->name_ = c_text(name);
    result->memory_ = bytes.request();
    result->picture_ = attend_picture_encoded(result->memory_->ptr, result->memory_->size * result->memory_->itemsize);
    return result;
  }

  /// pixels: [height, width, 3], uint8, the pixels of a row without gaps
  static std::unique_ptr<Picture> rgb(const py::buffer& pixels, const py::object& name) {
    auto result = std::make_unique<Picture>();
    result->name_ = c_text(name);
    result->memory_ = pixels.request();
    const auto& memory = *result->memory_;
    const auto fits = [](py::ssize_t side) { return side <= INT32_MAX; };
    if (memory.ndim != 3 || memory.itemsize != 1 || memory.shape[2] != 3 || memory.strides[2] != 1 ||
        memory.strides[1] != 3 || memory.strides[0] < 3 * memory.shape[1] || !fits(memory.shape[0]) ||
        !fits(memory.shape[1]))
      throw py::value_error("pixels must be [height, width, 3] bytes without gaps in a row");
    result->picture_ =
        attend_picture_rgb(memory.ptr, int(memory.shape[1]), int(memory.shape[0]), size_t(memory.strides[0]));
    return result;
  }

  attend_picture get() const {
    attend_picture result = picture_;
    if (result.kind == ATTEND_PICTURE_FILE)
      result.data = name_.c_str();
    else
      result.name = name_.c_str();
    return result;
  }

 private:
  std::string name_;  // a file's path
  std::optional<py::buffer_info> memory_;
  attend_picture picture_{};
};

struct Style : attend_style {
  Style() {
    check(attend_style_init(this));
    name = style;
  }

  attend_style get() const {
    attend_style result = *this;
    result.style = name.c_str();
    return result;
  }

  std::string name;
};

/// Memory of C's and its owner, for numpy to read through the buffer protocol: so this source needs nothing of numpy's,
/// of which there are two ABIs.
struct Memory {
  std::shared_ptr<const void> owner;
  const void* data;
  py::ssize_t item_size;
  std::string format;
  std::vector<py::ssize_t> shape;

  py::buffer_info info() const {
    std::vector<py::ssize_t> strides(shape.size());
    py::ssize_t stride = item_size;
    for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) strides[i] = stride;
    return {const_cast<void*>(data), item_size, format, py::ssize_t(shape.size()), shape, strides, /*readonly=*/true};
  }
};

/// A numpy array of C's memory that can't be written to.
template <class T>
py::object borrowed(std::shared_ptr<const void> owner, const T* data, std::vector<py::ssize_t> shape) {
  static const T nothing{};  // an array without items has an address too
  return py::module_::import("numpy").attr("asarray")(Memory{std::move(owner), data ? data : &nothing, sizeof(T),
                                                             py::format_descriptor<T>::format(), std::move(shape)});
}

/// An attend_image. Drawn without Python's lock.
class Image {
 public:
  template <class Draw>
  explicit Image(const Draw& draw) {
    attend_image* image = nullptr;
    attend_status status;
    {
      py::gil_scoped_release unlocked;
      status = draw(&image);
    }
    check(status);
    image_.reset(image, attend_image_free);
  }

  /// [height, width, 3], uint8
  py::object pixels() const {
    int width = 0, height = 0;
    const unsigned char* rgb = nullptr;
    check(attend_image_pixels(image_.get(), &width, &height, &rgb));
    return borrowed(image_, rgb, {height, width, 3}).attr("copy")();  // the caller's own, to draw on
  }

  void write(const py::bytes& path) const {
    const std::string file = c_text(path);
    attend_status status;
    {
      py::gil_scoped_release unlocked;
      status = attend_image_write(image_.get(), file.c_str());
    }
    check(status);
  }

 private:
  std::shared_ptr<attend_image> image_;
};

using SeenHandle = std::shared_ptr<attend_seen>;

struct Caption {
  SeenHandle seen;  // what `caption` points to
  attend_caption caption;
};

/// What became of a caption that was given.
struct Given {
  SeenHandle seen;  // what `given` points to
  attend_given given;
  py::ssize_t count;  // T + 1
};

class Seen {
 public:
  explicit Seen(attend_seen* seen) : seen_(seen, attend_seen_free) { check(attend_seen_picture(seen, &info)); }

  Caption caption(size_t which) const {
    Caption result{seen_, {}};
    check(attend_seen_caption(seen_.get(), which, &result.caption));
    return result;
  }

  Given given(size_t which) const {
    Given result{seen_, {}, 0};
    check(attend_seen_given(seen_.get(), which, &result.given));
    if (!result.given.refusal) result.count = py::ssize_t(caption(result.given.caption).caption.word_count) + 1;
    return result;
  }

  std::unique_ptr<Image> page(const Picture& picture, const Style& style) const {
    const attend_picture drawn_on = picture.get();
    const attend_style drawn_as = style.get();
    return std::make_unique<Image>(
        [&](attend_image** image) { return attend_draw_page(seen_.get(), &drawn_on, &drawn_as, image); });
  }

  std::unique_ptr<Image> word(size_t caption, size_t word, const Picture& picture, const Style& style) const {
    const attend_picture drawn_on = picture.get();
    const attend_style drawn_as = style.get();
    return std::make_unique<Image>([&](attend_image** image) {
      return attend_draw_word(seen_.get(), caption, word, &drawn_on, &drawn_as, image);
    });
  }

  py::object json() const {
    const char* json = nullptr;
    check(attend_seen_json(seen_.get(), &json));
    return text(json);
  }

  attend_seen_info info;

 private:
  SeenHandle seen_;
};

/// One call of attend_model_caption: what it handed out, and why Python stopped it.
struct Work {
  std::vector<std::unique_ptr<attend_seen, decltype(&attend_seen_free)>> seen;
  attend_status kept = ATTEND_OK;
  std::string message;                           // of `kept`
  std::optional<py::error_already_set> stopped;  // by a signal, as of Ctrl-C, or by the log
  py::object log;                                // (warning: bool, message: str)

  static int take(void* context, const attend_seen* seen) {
    auto& work = *static_cast<Work*>(context);
    attend_seen* kept = nullptr;
    work.kept = attend_seen_keep(seen, &kept);
    if (work.kept == ATTEND_OK)
      work.seen.emplace_back(kept, attend_seen_free);  // there is room: nothing can be thrown
    else
      work.message = attend_message();
    return work.kept != ATTEND_OK;
  }

  static int cancelled(void* context) {
    auto& work = *static_cast<Work*>(context);
    if (work.stopped) return 1;
    py::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) work.stopped.emplace();
    return work.stopped.has_value();
  }

  static void tell(void* context, attend_level level, const char* message) {
    auto& work = *static_cast<Work*>(context);
    py::gil_scoped_acquire locked;
    try {
      if (!work.stopped) work.log(level == ATTEND_WARNING, text(message));
    } catch (py::error_already_set& error) {
      work.stopped.emplace(std::move(error));
    }
  }
};

/// attend_options whose phrases are its own.
struct Options : attend_options {
  std::vector<std::string> must_say, must_not_say;

  void own_phrases() {
    must_say.assign(must, must + must_count);
    must_not_say.assign(must_not, must_not + must_not_count);
  }
};

/// Getter and setter of a list of phrases. A single text would be a list of its letters.
template <std::vector<std::string> Options::*phrases>
py::list phrases_of(const Options& options) {
  py::list list;
  for (const auto& phrase : options.*phrases) list.append(text(phrase.c_str()));
  return list;
}
template <std::vector<std::string> Options::*phrases>
void set_phrases(Options& options, const py::list& list) {
  std::vector<std::string> texts;
  for (const auto& phrase : list) {
    if (!py::isinstance<py::str>(phrase)) throw py::value_error("must, must_not: take texts, and nothing else");
    texts.push_back(c_text(py::reinterpret_borrow<py::object>(phrase)));
  }
  options.*phrases = std::move(texts);
}

class Model {
 public:
  /// files: bytes each, paths or, where `in_memory`, whole files; none is the model that comes with attend
  Model(const std::vector<py::bytes>& files, bool in_memory, const std::optional<std::string>& precision,
        const std::optional<std::string>& device, int input_size) {
    const attend_settings settings{precision ? precision->c_str() : nullptr, device ? device->c_str() : nullptr,
                                   input_size};
    std::vector<std::string> paths;
    std::vector<const void*> bytes;
    std::vector<size_t> sizes;
    for (const auto& file : files) {
      if (!in_memory) paths.push_back(c_text(file));
      bytes.push_back(PyBytes_AS_STRING(file.ptr()));
      sizes.push_back(size_t(PyBytes_GET_SIZE(file.ptr())));
    }
    attend_model* model = nullptr;
    attend_status status;
    {
      py::gil_scoped_release unlocked;
      status = in_memory ? attend_model_open_bytes(bytes.data(), sizes.data(), files.size(), &settings, &model)
                         : attend_model_open(pointers(paths).data(), files.size(), &settings, &model);
    }
    check(status);
    model_.reset(model);
  }

  Options options() const {
    Options result;
    check(attend_options_init(model_.get(), &result));
    result.own_phrases();
    return result;
  }

  std::vector<Seen> caption(const std::vector<const Picture*>& pictures, const Options& asked,
                            const py::object& log) const {
    const auto must = pointers(asked.must_say), must_not = pointers(asked.must_not_say);
    attend_options options = asked;
    options.must = must.data(), options.must_count = must.size();
    options.must_not = must_not.data(), options.must_not_count = must_not.size();
    return work(pictures, options, log, [&](const std::vector<attend_picture>& all, Work& work) {
      return attend_model_caption(model_.get(), all.data(), all.size(), &options, Work::take, &work);
    });
  }

  /// captions[i], at least one, are given to pictures[i]
  std::vector<Seen> score(const std::vector<const Picture*>& pictures, const std::vector<py::iterable>& captions,
                          const Options& asked, const py::object& log) const {
    attend_options options = asked;
    options.must = options.must_not = nullptr, options.must_count = options.must_not_count = 0;  // of a search
    if (captions.size() != pictures.size())
      throw py::value_error(std::to_string(pictures.size()) + " pictures, but captions of " +
                            std::to_string(captions.size()));
    std::vector<std::vector<std::string>> given;
    for (const auto& of_one : captions) given.push_back(c_texts(of_one));
    std::vector<std::vector<const char*>> lists;
    for (const auto& of_one : given) lists.push_back(pointers(of_one));
    std::vector<attend_captions> all_given;
    for (const auto& list : lists) all_given.push_back({list.data(), list.size()});
    return work(pictures, options, log, [&](const std::vector<attend_picture>& all, Work& work) {
      return attend_model_score(model_.get(), all.data(), all_given.data(), all.size(), &options, Work::take, &work);
    });
  }

  py::object about() const {
    const char* json = nullptr;
    check(attend_model_about(model_.get(), &json));
    return text(json);
  }

  std::pair<int, int> grid() const {
    std::pair<int, int> result;
    check(attend_model_grid(model_.get(), &result.first, &result.second));
    return result;
  }

 private:
  /// call(pictures, work) without Python's lock, with the callbacks of `options` set.
  template <class Call>
  static std::vector<Seen> work(const std::vector<const Picture*>& pictures, attend_options& options,
                                const py::object& log, const Call& call) {
    std::vector<attend_picture> all;
    for (const Picture* picture : pictures) all.push_back(picture->get());
    Work work;
    work.seen.reserve(all.size());
    work.log = log;
    options.cancelled = Work::cancelled;
    options.log = Work::tell;
    options.context = &work;
    attend_status status;
    {
      py::gil_scoped_release unlocked;
      status = call(all, work);
    }
    if (work.stopped) throw py::error_already_set(*work.stopped);
    if (work.kept != ATTEND_OK) fail(work.kept, work.message.c_str());
    check(status);
    std::vector<Seen> result;
    for (auto& one : work.seen) result.emplace_back(one.release());
    return result;
  }

  std::unique_ptr<attend_model, decltype(&attend_model_close)> model_{nullptr, attend_model_close};
};

/// Figures of all captions together, and of each.
std::pair<attend_figures, std::vector<attend_figures>> evaluate(const std::vector<py::object>& captions,
                                                                const std::vector<py::iterable>& references,
                                                                const std::optional<py::bytes>& meteor_tables,
                                                                int threads) {
  if (captions.size() != references.size())
    throw py::value_error(std::to_string(captions.size()) + " captions, but references of " +
                          std::to_string(references.size()));
  const std::string tables = meteor_tables ? c_text(*meteor_tables) : "";
  std::vector<std::string> said = c_texts(py::cast(captions));
  std::vector<std::vector<std::string>> reference_texts;
  for (const auto& of_one : references) {
    if (py::isinstance<py::str>(of_one))
      throw py::type_error("a caption's references are a list of texts, not one text");
    reference_texts.push_back(c_texts(of_one));
  }
  std::vector<std::vector<const char*>> reference_pointers;
  for (const auto& of_one : reference_texts) reference_pointers.push_back(pointers(of_one));
  std::vector<attend_candidate> candidates;
  for (size_t i = 0; i < said.size(); ++i)
    candidates.push_back({said[i].c_str(), reference_pointers[i].data(), reference_pointers[i].size()});
  std::pair<attend_figures, std::vector<attend_figures>> result{{}, std::vector<attend_figures>(said.size())};
  attend_status status;
  {
    py::gil_scoped_release unlocked;
    status = attend_evaluate(candidates.data(), candidates.size(), meteor_tables ? tables.c_str() : nullptr, threads,
                             &result.first, result.second.data());
  }
  check(status);
  return result;
}

py::list tokenize(const py::str& line, bool keep_punctuation) {
  attend_texts* handle = nullptr;
  check(attend_tokenize(c_text(line).c_str(), keep_punctuation, &handle));
  const std::unique_ptr<attend_texts, decltype(&attend_texts_free)> tokens(handle, attend_texts_free);
  const char* const* items = nullptr;
  size_t count = 0;
  check(attend_texts_items(tokens.get(), &items, &count));
  return texts(items, count);
}

constexpr const char* kLocations[] = {"expected", "argmax", "sampled"};  // attend_locations

const char* locations(const Options& options) { return kLocations[options.locations]; }

void set_locations(Options& options, const std::string& name) {
  for (int i = 0; i < 3; ++i) {
    if (name != kLocations[i]) continue;
    options.locations = attend_locations(i);
    return;
  }
  throw py::value_error("locations: '" + name + "' is none of expected, argmax, sampled");
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  if (attend_check_abi(ATTEND_ABI) != ATTEND_OK) throw py::import_error(attend_message());
  module.def("version", [] { return text(attend_version()); });

  error_type = PyErr_NewExceptionWithDoc("attend.Error",
                                         "What attend couldn't do: a disk that is full, threads that can't be started.",
                                         PyExc_RuntimeError, nullptr);
  input_error_type = PyErr_NewExceptionWithDoc("attend.InputError", "A file, a picture or a model that can't be used.",
                                               error_type, nullptr);
  module.attr("Error") = py::reinterpret_borrow<py::object>(error_type);
  module.attr("InputError") = py::reinterpret_borrow<py::object>(input_error_type);

  py::class_<Memory>(module, "Memory", py::buffer_protocol()).def_buffer([](Memory& memory) { return memory.info(); });

  py::class_<Picture>(module, "Picture")
      .def_static("file", &Picture::file)
      .def_static("encoded", &Picture::encoded)
      .def_static("rgb", &Picture::rgb);

  py::class_<Options>(module, "Options")
      .def("__copy__", [](const Options& options) { return options; })
      .def_readwrite("beam_width", &Options::beam_width)
      .def_readwrite("n_best", &Options::n_best)
      .def_readwrite("length_exponent", &Options::length_exponent)
      .def_readwrite("frequency_exponent", &Options::frequency_exponent)
      .def_readwrite("temperature", &Options::temperature)
      .def_readwrite("min_length", &Options::min_length)
      .def_readwrite("max_length", &Options::max_length)
      .def_readwrite("repetition_penalty", &Options::repetition_penalty)
      .def_readwrite("no_repeat_ngram", &Options::no_repeat_ngram)
      .def_property("locations", locations, set_locations)
      .def_readwrite("threads", &Options::threads)
      .def_readwrite("batch_size", &Options::batch_size)
      .def_readwrite("beam_groups", &Options::beam_groups)
      .def_readwrite("diversity", &Options::diversity)
      .def_property("must", phrases_of<&Options::must_say>, set_phrases<&Options::must_say>)
      .def_property("must_not", phrases_of<&Options::must_not_say>, set_phrases<&Options::must_not_say>);

  py::class_<Style>(module, "Style")
      .def(py::init<>())
      .def_readwrite("style", &Style::name)
      .def_readwrite("tile", &Style::tile)
      .def_readwrite("columns", &Style::columns)
      .def_readwrite("darken", &Style::darken)
      .def_readwrite("glow", &Style::glow)
      .def_readwrite("alpha", &Style::alpha)
      .def_readwrite("smoothing", &Style::smoothing)
      .def_readwrite("font_scale", &Style::font_scale);

  py::class_<Image>(module, "Image").def("pixels", &Image::pixels).def("write", &Image::write);

  py::class_<Caption>(module, "Caption",
                      "One caption of a picture: T words, and where the model looked for each on a grid of cells.")
      .def_property_readonly(
          "text", [](const Caption& c) { return text(c.caption.text); }, "The caption as a sentence.")
      .def_property_readonly(
          "words", [](const Caption& c) { return texts(c.caption.words, c.caption.word_count); }, "Its T words.")
      .def_property_readonly(
          "word_log_probability",
          [](const Caption& c) {
            return borrowed(c.seen, c.caption.word_log_probability, {py::ssize_t(c.caption.log_probability_count)});
          },
          "Natural logarithms of the words' probabilities as the search weighed them: [T], or [T + 1] where the "
          "caption ended by itself: the last is that of its end.")
      .def_property_readonly(
          "plain_word_log_probability",
          [](const Caption& c) {
            return borrowed(c.seen, c.caption.plain_word_log_probability,
                            {py::ssize_t(c.caption.log_probability_count)});
          },
          "The same as the model itself has them.")
      .def_property_readonly(
          "log_probability", [](const Caption& c) { return c.caption.log_probability; },
          "Of the whole caption, as the search weighed it.")
      .def_property_readonly(
          "plain_log_probability", [](const Caption& c) { return c.caption.plain_log_probability; },
          "Of the whole caption, as the model itself has it.")
      .def_property_readonly(
          "confidence", [](const Caption& c) { return known(c.caption.confidence); },
          "Probability that it is among the better half of its model's captions; None where that isn't known.")
      .def_property_readonly(
          "attention",
          [](const Caption& c) {
            return borrowed(c.seen, c.caption.attention,
                            {py::ssize_t(c.caption.word_count), c.caption.rows, c.caption.columns});
          },
          "Where the model looked for each word: float32 [T, rows, columns]; each map sums to 1. Read only.")
      .def_property_readonly(
          "locations",
          [](const Caption& c) { return borrowed(c.seen, c.caption.locations, {py::ssize_t(c.caption.word_count)}); },
          "Cell that hard attention looked at, row * columns + column: int64 [T]; -1 is all of them.")
      .def("__repr__", [](const Caption& c) { return py::str("<attend.Caption {!r}>").format(text(c.caption.text)); });

  py::class_<Given>(
      module, "Given",
      "What became of a caption that was given: T words, without those that the model doesn't know, and its "
      "end. Where there is an error, all else is None or empty.")
      .def_property_readonly(
          "error", [](const Given& g) { return g.given.refusal ? text(g.given.refusal) : py::object(py::none()); },
          "Why it couldn't be scored, one line; None: it was.")
      .def_property_readonly(
          "place", [](const Given& g) { return g.given.refusal ? py::object(py::none()) : py::int_(g.given.caption); },
          "Its place among the picture's captions.")
      .def_property_readonly(
          "perplexity", [](const Given& g) { return known(g.given.perplexity); },
          "Of the plain probabilities of its words and its end.")
      .def_property_readonly(
          "unknown", [](const Given& g) { return texts(g.given.unknown, g.given.unknown_count); },
          "Words that the model doesn't know, which were left out.")
      .def_property_readonly(
          "rank", [](const Given& g) { return borrowed(g.seen, g.given.rank, {g.count}); },
          "Place of each word among all that the model may say there, 1 the likeliest: int64 [T + 1].")
      .def_property_readonly(
          "likeliest", [](const Given& g) { return texts(g.given.likeliest, size_t(g.count)); },
          "What the model finds likeliest in place of each, [T + 1].")
      .def_property_readonly(
          "likeliest_log_probability",
          [](const Given& g) { return borrowed(g.seen, g.given.likeliest_log_probability, {g.count}); },
          "The logarithm of its probability: float64 [T + 1].");

  py::class_<Seen>(module, "Seen")
      .def_property_readonly("name", [](const Seen& seen) { return file_name(seen.info.name); })
      .def_property_readonly("index", [](const Seen& seen) { return seen.info.index; })
      .def_property_readonly(
          "refusal",
          [](const Seen& seen) { return seen.info.refusal ? text(seen.info.refusal) : py::object(py::none()); })
      .def_property_readonly("caption_count", [](const Seen& seen) { return seen.info.caption_count; })
      .def_property_readonly("size", [](const Seen& seen) { return py::make_tuple(seen.info.width, seen.info.height); })
      .def_property_readonly("area",
                             [](const Seen& seen) {
                               return py::make_tuple(seen.info.area_x, seen.info.area_y, seen.info.area_width,
                                                     seen.info.area_height);
                             })
      .def_property_readonly("familiar",
                             [](const Seen& seen) {
                               return seen.info.familiar < 0 ? py::object(py::none())
                                                             : py::bool_(seen.info.familiar == 1);
                             })
      .def("caption", &Seen::caption)
      .def("given", &Seen::given)
      .def("page", &Seen::page)
      .def("word", &Seen::word)
      .def("json", &Seen::json);

  py::class_<Model>(module, "Model")
      .def(py::init<const std::vector<py::bytes>&, bool, const std::optional<std::string>&,
                    const std::optional<std::string>&, int>(),
           py::arg("files"), py::arg("in_memory"), py::arg("precision"), py::arg("device"), py::arg("input_size"))
      .def("options", &Model::options)
      .def("caption", &Model::caption)
      .def("score", &Model::score)
      .def("about", &Model::about)
      .def("grid", &Model::grid);

  py::class_<attend_figures>(module, "Figures",
                             "Figures of captions, as coco-caption computes them. NaN where one isn't defined.")
      .def_property_readonly(
          "bleu", [](const attend_figures& f) { return py::make_tuple(f.bleu[0], f.bleu[1], f.bleu[2], f.bleu[3]); },
          "BLEU-1 to BLEU-4, shares of one.")
      .def_readonly("meteor", &attend_figures::meteor, "METEOR, a share of one.")
      .def_readonly("rouge_l", &attend_figures::rouge_l, "ROUGE-L, a share of one.")
      .def_readonly("cider", &attend_figures::cider, "CIDEr.")
      .def_readonly("cider_d", &attend_figures::cider_d, "CIDEr-D: what papers call CIDEr.")
      .def_property_readonly(
          "meteor_whole", [](const attend_figures& f) { return f.meteor_whole != 0; },
          "False where METEOR's tables aren't there, and words matched by themselves and their stems only.")
      .def("__repr__", [](const attend_figures& f) {
        return py::str(
                   "<attend.Figures bleu=({:.4f}, {:.4f}, {:.4f}, {:.4f}) meteor={:.4f} rouge_l={:.4f} cider={:.4f} "
                   "cider_d={:.4f}>")
            .format(f.bleu[0], f.bleu[1], f.bleu[2], f.bleu[3], f.meteor, f.rouge_l, f.cider, f.cider_d);
      });
  module.def("evaluate", &evaluate);
  module.def("tokenize", &tokenize);
}
