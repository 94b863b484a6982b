#include "data/shapes.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <numbers>
#include <opencv2/imgproc.hpp>
#include <random>
#include <set>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "data/masks.h"
#include "vision/encode.h"

namespace attend {
namespace {

struct Colour {
  const char* name;
  cv::Vec3d bgr;
};
const std::array<Colour, 6> colours{{{"red", {35, 35, 205}},
                                     {"green", {50, 150, 30}},
                                     {"blue", {205, 75, 35}},
                                     {"yellow", {35, 205, 230}},
                                     {"purple", {165, 40, 140}},
                                     {"white", {235, 235, 235}}}};

/// Random numbers that are the same everywhere: the standard fixes its generators but not its distributions.
class Random {
 public:
  Random(int64_t seed, size_t split, size_t picture) {
    const auto low = [](auto value) { return static_cast<uint32_t>(value); };
    std::seed_seq sequence{low(seed), low(seed >> 32), low(split), low(picture)};
    generator_.seed(sequence);
  }
  double uniform(double from, double to) {
    return from + (to - from) * static_cast<double>(generator_() >> 11) * 0x1p-53;
  }
  size_t below(size_t count) { return static_cast<size_t>(uniform(0, static_cast<double>(count))); }

 private:
  std::mt19937_64 generator_;
};

/// Corners on circles: `count` of them, every other one at `inner` times the radius.
std::vector<cv::Point2d> rays(int count, double radius, double inner) {
  std::vector<cv::Point2d> corners;
  for (int i = 0; i < count; ++i) {
    const double angle = 2 * std::numbers::pi * i / count, r = i % 2 == 0 ? radius : inner * radius;
    corners.emplace_back(r * std::sin(angle), -r * std::cos(angle));
  }
  return corners;
}

/// The outlines, upright around (0, 0), each with the area of a circle of diameter 1.
struct Shape {
  const char* name;
  std::vector<cv::Point2d> outline;
};
const std::array<Shape, 5>& shapes() {
  constexpr double t = 0.554, a = 0.2216;  // half the cross, and half its arm
  static const std::array<Shape, 5> all{
      {{"circle", rays(64, 0.5, 1)},
       {"square", {{-0.443, -0.443}, {0.443, -0.443}, {0.443, 0.443}, {-0.443, 0.443}}},
       {"triangle", rays(3, 0.7775, 1)},
       {"star", rays(10, 0.731, 0.5)},
       {"cross",
        {{-a, -t}, {a, -t}, {a, -a}, {t, -a}, {t, a}, {a, a}, {a, t}, {-a, t}, {-a, a}, {-t, a}, {-t, -a}, {-a, -a}}}}};
  return all;
}

/// What is in a picture; lengths are shares of the side.
struct Object {
  size_t colour, shape;
  cv::Point2d centre;
  double diameter;  // of the circle of its area
  double turn;      // radians
};
struct Scene {
  std::vector<Object> objects;  // in the order of the caption
  std::string size;             // "small" or "large" if there is only one
  std::string relation;         // "above" or "left of" if there are more
  size_t first_row = 1;         // objects before the relation
};

/// Which objects and which relation, without places.
Scene choose_scene(Random& random) {
  Scene scene;
  const double kind = random.uniform(0, 1);
  const size_t count = kind < 0.2 ? 1 : kind < 0.6 ? 2 : 3;
  std::set<std::pair<size_t, size_t>> taken;
  while (scene.objects.size() < count) {
    const Object object{random.below(colours.size()), random.below(shapes().size()), {}, 0, 0};
    if (taken.emplace(object.colour, object.shape).second) scene.objects.push_back(object);
  }
  if (count == 1) scene.size = random.below(2) == 0 ? "small" : "large";
  if (count == 2) scene.relation = random.below(2) == 0 ? "above" : "left of";
  if (count == 3) {
    scene.relation = "above";
    scene.first_row = 1 + random.below(2);
  }
  return scene;
}

/// Gives the objects sizes and places that the caption describes; they may still touch or leave the picture.
void place_objects(Scene& scene, Random& random) {
  const auto near = [&](double centre) { return random.uniform(centre - 0.05, centre + 0.05); };
  for (auto& object : scene.objects) {
    object.diameter = scene.size == "large" ? random.uniform(0.46, 0.54) : random.uniform(0.27, 0.33);
    object.turn = random.uniform(-0.2, 0.2);
  }
  if (scene.objects.size() == 1) {
    scene.objects[0].centre = {random.uniform(0.2, 0.8), random.uniform(0.2, 0.8)};
  } else if (scene.objects.size() == 2) {
    // The lesser distance is at most half the greater one.
    const double middle = random.uniform(0.3, 0.7);
    for (size_t i = 0; i < 2; ++i) {
      const double along = near(i == 0 ? 0.26 : 0.74), across = random.uniform(middle - 0.09, middle + 0.09);
      scene.objects[i].centre = scene.relation == "above" ? cv::Point2d(across, along) : cv::Point2d(along, across);
    }
  } else {
    for (size_t i = 0; i < 3; ++i) {
      const bool upper = i < scene.first_row, alone = upper == (scene.first_row == 1);
      const bool left = i == 0 || (i == 1 && scene.first_row == 1);
      scene.objects[i].centre = {alone ? random.uniform(0.25, 0.75) : near(left ? 0.26 : 0.74),
                                 near(upper ? 0.26 : 0.74)};
    }
  }
}

cv::Mat draw_mask(const Object& object, int side) {
  constexpr int fraction_bits = 8;
  const double sine = std::sin(object.turn), cosine = std::cos(object.turn);
  std::vector<cv::Point> corners;
  for (const auto& corner : shapes()[object.shape].outline) {
    const double x = object.centre.x + object.diameter * (cosine * corner.x - sine * corner.y);
    const double y = object.centre.y + object.diameter * (sine * corner.x + cosine * corner.y);
    // OpenCV counts from the centre of the first pixel.
    corners.emplace_back(static_cast<int>(std::lround((x * side - 0.5) * (1 << fraction_bits))),
                         static_cast<int>(std::lround((y * side - 0.5) * (1 << fraction_bits))));
  }
  cv::Mat mask = cv::Mat::zeros(side, side, CV_8UC1);
  cv::fillPoly(mask, std::vector<std::vector<cv::Point>>{corners}, cv::Scalar(255), cv::LINE_8, fraction_bits);
  return mask;
}

/// The objects' masks, or none if one touches another or the border.
std::vector<cv::Mat> draw_masks(const Scene& scene, int side) {
  const int gap = std::max(1, side / 48);
  const cv::Mat around = cv::Mat::ones(2 * gap + 1, 2 * gap + 1, CV_8UC1);
  cv::Mat taken = cv::Mat::zeros(side, side, CV_8UC1);
  cv::rectangle(taken, {0, 0, side, side}, cv::Scalar(255), 1);
  std::vector<cv::Mat> masks;
  for (const auto& object : scene.objects) {
    cv::Mat mask = draw_mask(object, side), wide, both;
    cv::dilate(mask, wide, around);
    cv::bitwise_and(wide, taken, both);
    if (cv::countNonZero(both) > 0) return {};
    taken |= mask;
    masks.push_back(std::move(mask));
  }
  return masks;
}

/// Grey with a tint, softly mottled; every object in a shade of its colour; grain over all.
cv::Mat paint(const Scene& scene, const std::vector<cv::Mat>& masks, int side, Random& random) {
  constexpr int knots = 6;
  std::array<std::array<double, knots>, knots> mottle;
  for (auto& row : mottle)
    for (auto& knot : row) knot = random.uniform(-18, 18);
  const auto shade = [&](double base, double spread) { return base + random.uniform(-spread, spread); };
  const auto tinted = [&](const cv::Vec3d& base) {
    return cv::Vec3d(shade(base[0], 12), shade(base[1], 12), shade(base[2], 12));
  };
  const double grey = random.uniform(80, 145);
  const cv::Vec3d ground = tinted({grey, grey, grey});
  std::vector<cv::Vec3d> fills;
  for (const auto& object : scene.objects) fills.push_back(tinted(colours[object.colour].bgr));

  cv::Mat picture(side, side, CV_8UC3);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const double u = (knots - 1.0) * x / side, v = (knots - 1.0) * y / side;
      const auto i = static_cast<size_t>(v), j = static_cast<size_t>(u);
      const double down = v - static_cast<double>(i), right = u - static_cast<double>(j);
      const double spot = (1 - down) * ((1 - right) * mottle[i][j] + right * mottle[i][j + 1]) +
                          down * ((1 - right) * mottle[i + 1][j] + right * mottle[i + 1][j + 1]);
      cv::Vec3d colour = ground + cv::Vec3d(spot, spot, spot);
      for (size_t k = 0; k < masks.size(); ++k)
        if (masks[k].at<uint8_t>(y, x) != 0) colour = fills[k];
      for (int channel = 0; channel < 3; ++channel)
        picture.at<cv::Vec3b>(y, x)[channel] = cv::saturate_cast<uint8_t>(shade(colour[channel], 6));
    }
  return picture;
}

/// What captions call each shape, colour and size.
using Names = std::map<std::string, std::string>;
Names names_of(const ShapesOptions& options) {
  Names names{{"small", "small"}, {"large", "large"}};
  for (const auto& colour : colours) names[colour.name] = colour.name;
  for (const auto& shape : shapes()) names[shape.name] = shape.name;
  for (const auto& text : options.names) {
    const auto equals = text.find('=');
    const std::string word = text.substr(0, equals), name = equals == std::string::npos ? "" : text.substr(equals + 1);
    const bool letters =
        !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (!names.contains(word) || !letters)
      throw UsageError("--names: " + text +
                       " is not WORD=NAME of a shape, a colour or a size and a name in small letters, "
                       "such as circle=frobnicator");
    names[word] = name;
  }
  std::set<std::string> different{"a", "and", "above", "left", "of"};
  for (const auto& [word, name] : names)
    if (!different.insert(name).second) throw UsageError("--names: " + name + " would mean two things");
  return names;
}

/// The caption, and for each object the places of the words that name it.
struct Caption {
  std::string text;
  std::vector<std::vector<int>> words;
};
Caption describe(const Scene& scene, const Names& names) {
  Caption caption;
  int count = 0;
  const auto say = [&](const std::string& word) {
    caption.text += (count > 0 ? " " : "") + word;
    return count++;
  };
  for (size_t i = 0; i < scene.objects.size(); ++i) {
    if (i > 0 && i == scene.first_row) {
      say(scene.relation);
      if (scene.relation == "left of") ++count;  // two words
    } else if (i > 0) {
      say("and");
    }
    say("a");
    auto& words = caption.words.emplace_back();
    if (!scene.size.empty()) words.push_back(say(names.at(scene.size)));
    words.push_back(say(names.at(colours[scene.objects[i].colour].name)));
    words.push_back(say(names.at(shapes()[scene.objects[i].shape].name)));
  }
  return caption;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw Error(path.string() + ": can't be written: " + std::strerror(errno));
}

/// One picture: its file, and its entries in the captions file.
struct Entries {
  std::string image, annotation;
};
Entries write_picture(const std::filesystem::path& folder, const std::string& name, int64_t id, int side,
                      const Names& names, Random random) {
  Scene scene = choose_scene(random);
  std::vector<cv::Mat> masks;
  while (masks.empty()) {
    place_objects(scene, random);
    masks = draw_masks(scene, side);
  }
  const auto png = encode_png(paint(scene, masks, side, random));
  write_file(folder / "images" / name, {reinterpret_cast<const char*>(png.data()), png.size()});

  const Caption caption = describe(scene, names);
  Json objects = Json::array();
  for (size_t i = 0; i < masks.size(); ++i)
    objects.push_back({{"words", caption.words[i]}, {"segmentation", encode_mask(masks[i])}});
  const Json image = {{"id", id}, {"file_name", name}, {"width", side}, {"height", side}};
  const Json annotation = {{"id", id}, {"image_id", id}, {"caption", caption.text}, {"objects", objects}};
  return {image.dump(), annotation.dump()};
}

void write_split(const std::filesystem::path& folder, const std::string& split, size_t number, int count,
                 int64_t first_id, const ShapesOptions& options) {
  const Names names = names_of(options);
  std::vector<Entries> entries(static_cast<size_t>(count));
  Progress progress("drawing " + split, count);
  std::mutex mutex;
  int64_t done = 0;
  parallel_for(entries.size(), available_processors(), [&](size_t i) {
    if (interrupted()) throw Interrupted("stopped; nothing was written");
    char name[32];
    std::snprintf(name, sizeof name, "_%05zu.png", i);
    entries[i] = write_picture(folder, split + name, first_id + static_cast<int64_t>(i), options.picture_size, names,
                               Random(options.seed, number, i));
    const std::lock_guard guard(mutex);
    progress.update(++done);
  });
  const auto join = [&](std::string Entries::*entry) {
    std::string text;
    for (const auto& one : entries) text += (text.empty() ? "\n" : ",\n") + one.*entry;
    return text;
  };
  write_file(folder / ("captions_" + split + ".json"),
             "{\"info\":{\"description\":\"attend shapes, " + split + "\"},\n\"images\":[" + join(&Entries::image) +
                 "],\n\"annotations\":[" + join(&Entries::annotation) + "]}\n");
}

void write_all(const std::filesystem::path& folder, const ShapesOptions& options) {
  std::filesystem::create_directories(folder / "images");
  int64_t first_id = 0;
  size_t number = 0;
  for (const auto& [split, count] : {std::pair{"train", options.train}, {"val", options.val}, {"test", options.test}}) {
    write_split(folder, split, number++, count, first_id, options);
    first_id += count;
  }
  Json made = {{"train", options.train},
               {"val", options.val},
               {"test", options.test},
               {"picture_size", options.picture_size},
               {"seed", options.seed}};
  if (!options.names.empty()) made["names"] = options.names;
  write_file(folder / "shapes.json", made.dump(2) + "\n");
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::syncfs(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced) throw Error(folder.string() + ": can't be written: " + std::strerror(errno));
}

void check_replaceable(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder)) return;
  if (!std::filesystem::is_directory(folder)) throw InputError(folder.string() + ": is no folder");
  const std::set<std::string> ours{"shapes.json", "images", "captions_train.json", "captions_val.json",
                                   "captions_test.json"};
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (!std::filesystem::exists(folder / "shapes.json") || ours.count(entry.path().filename().string()) == 0)
      throw InputError(folder.string() + ": holds " + entry.path().filename().string() +
                       ", which is no part of a shapes data set; name an empty or a new folder");
}

}  // namespace

void ShapesOptions::list(OptionList& options) {
  options.section("", "Shapes");
  options.add("train", train, "pictures to train on", between(1, 1'000'000));
  options.add("val", val, "pictures to validate on", between(1, 1'000'000));
  options.add("test", test, "pictures to test on", between(1, 1'000'000));
  options.add("picture_size", picture_size, "side of a picture, pixels", between(48, 1024));
  options.add("seed", seed, "what the pictures are drawn from; equal seeds draw equal pictures");
  options.add(
      "names", names,
      "WORD=NAME: captions call a shape (circle, square, triangle, star, cross), a colour or a size by this name, such "
      "as circle=frobnicator; to see whether a model learns words of one's own");
}

void write_shapes(const std::filesystem::path& folder, const ShapesOptions& options) {
  auto target = std::filesystem::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  check_replaceable(target);
  names_of(options);  // whether they make sense shows now
  try {
    std::filesystem::create_directories(target.parent_path());
    AtomicFolder fresh(target);
    write_all(fresh.path(), options);
    fresh.commit();
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(folder.string() + ": can't be written: " + error.code().message());
  }
}

}  // namespace attend
