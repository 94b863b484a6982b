// Pictures unlike any photograph, to see how many of them a model calls unfamiliar: documents, screens, charts, drawings,
// diagrams, sheet music, noise, textures, X-rays and the earth from above. The same seed draws the same pictures.
//   unlike-pictures DIR [COUNT [SEED]]     COUNT of each kind, 20 by default, as DIR/KIND-NN.png
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "viz/typeface.h"

namespace attend {
namespace {

using cv::Mat;
using cv::Point;
using cv::Rect;
using cv::RNG;
using cv::Scalar;
using cv::Size;

const Scalar kBlack(20, 20, 20), kWhite(255, 255, 255), kGrey(200, 200, 200);

bool chance(RNG& random, double share) { return random.uniform(0.0, 1.0) < share; }

Scalar colour(RNG& random, int least = 0, int most = 256) {
  const int blue = random.uniform(least, most), green = random.uniform(least, most), red = random.uniform(least, most);
  return Scalar(blue, green, red);
}

Point place(RNG& random, Size size) {
  const int x = random.uniform(0, size.width), y = random.uniform(0, size.height);
  return {x, y};
}

Size some_size(RNG& random) {
  static const Size sizes[] = {{640, 480}, {480, 640}, {512, 512}, {800, 600}, {640, 360}, {420, 594}};
  return sizes[random.uniform(0, 6)];
}

Mat paper(Size size, const Scalar& of = kWhite) { return Mat(size, CV_8UC3, of); }

std::string word(RNG& random) {
  static const char* parts[] = {"ta",  "ri", "mo",  "ne", "con", "der", "st",  "al",
                                "ver", "is", "por", "en", "tu",  "la",  "que", "ing"};
  std::string made;
  for (int i = random.uniform(1, 5); i > 0; --i) made += parts[random.uniform(0, 16)];
  return made;
}

std::string words(RNG& random, int count) {
  std::string made = word(random);
  for (int i = 1; i < count; ++i) made += (chance(random, 0.08) ? ", " : " ") + word(random);
  made[0] = static_cast<char>(std::toupper(made[0]));
  return made;
}

/// Lines of text that fill `area`.
void write_text(Mat& picture, RNG& random, Rect area, int size, const Scalar& ink) {
  for (int y = area.y + size; y < area.y + area.height; y += size * 3 / 2) {
    if (chance(random, 0.12)) continue;  // between paragraphs
    std::string line;
    while (text_width(line, size) < area.width - 3 * size) line += (line.empty() ? "" : " ") + word(random);
    if (chance(random, 0.15)) line.resize(line.size() / 2);
    draw_text(picture, {area.x, y}, line, size, ink);
  }
}

Mat document(RNG& random) {
  const Size size = some_size(random);
  Mat page = paper(size, chance(random, 0.7) ? kWhite : Scalar(225, 240, 245));
  const int margin = size.width / random.uniform(9, 20), text = random.uniform(9, 20);
  int top = margin;
  if (chance(random, 0.7)) {
    draw_text(page, {margin, top + 2 * text}, words(random, 3), 2 * text, kBlack);
    top += 4 * text;
  }
  const int columns = random.uniform(1, 3), width = (size.width - margin) / columns;
  for (int c = 0; c < columns; ++c)
    write_text(page, random, {margin + c * width, top, width - margin, size.height - margin - top}, text, kBlack);
  return page;
}

Mat screen(RNG& random) {
  const Size size = chance(random, 0.3) ? Size(400, 800) : Size(960, 600);
  const bool dark = chance(random, 0.4);
  const Scalar back = dark ? Scalar(40, 34, 30) : Scalar(246, 244, 242), ink = dark ? kGrey : kBlack;
  Mat shot = paper(size, back);
  const Scalar accent = colour(random, 60, 220);
  cv::rectangle(shot, Rect(0, 0, size.width, 44), chance(random, 0.5) ? accent : Scalar(back * 0.85), cv::FILLED);
  draw_text(shot, {16, 29}, words(random, 2), 17, ink);
  for (int i = 0; i < 3; ++i)
    cv::circle(shot, {size.width - 20 - 24 * i, 22}, 8, colour(random), cv::FILLED, cv::LINE_AA);
  int left = 0;
  if (size.width > size.height && chance(random, 0.7)) {
    left = random.uniform(140, 260);
    cv::rectangle(shot, Rect(0, 44, left, size.height - 44), Scalar(back * 0.93), cv::FILLED);
    for (int y = 80; y < size.height - 20; y += 32) draw_text(shot, {20, y}, words(random, 2), 14, ink);
  }
  for (int y = 64; y < size.height - 40;) {
    const Rect box(left + 20, y, size.width - left - 40, std::min(random.uniform(60, 220), size.height - 20 - y));
    if (chance(random, 0.5)) cv::rectangle(shot, box, Scalar(back * (dark ? 1.3 : 0.96)), cv::FILLED);
    if (chance(random, 0.4)) cv::rectangle(shot, box, kGrey, 1);
    write_text(shot, random, {box.x + 14, box.y + 8, box.width - 20, box.height - 12}, random.uniform(12, 18), ink);
    if (chance(random, 0.5)) {
      const Rect button(box.x + box.width - 110, box.y + box.height - 40, 96, 30);
      cv::rectangle(shot, button, accent, cv::FILLED);
      draw_text(shot, {button.x + 16, button.y + 20}, word(random), 14, kWhite);
    }
    y += box.height + 14;
  }
  return shot;
}

Mat chart(RNG& random) {
  const Size size = some_size(random);
  Mat drawn = paper(size);
  const Rect plot(60, 50, size.width - 90, size.height - 110);
  draw_text(drawn, {size.width / 4, 32}, words(random, 3), 20, kBlack);
  const int kind = random.uniform(0, 4);
  if (kind == 0) {  // a pie
    double from = 0;
    const Point centre(size.width / 2, size.height / 2 + 10);
    const int radius = std::min(size.width, size.height) / 3;
    while (from < 360) {
      const double to = std::min(360.0, from + random.uniform(20.0, 110.0));
      cv::ellipse(drawn, centre, {radius, radius}, 0, from, to, colour(random, 40, 240), cv::FILLED, cv::LINE_AA);
      from = to;
    }
    return drawn;
  }
  for (int i = 0; i <= 5; ++i) {
    const int y = plot.y + plot.height * i / 5;
    cv::line(drawn, {plot.x, y}, {plot.x + plot.width, y}, Scalar(225, 225, 225));
    draw_text(drawn, {14, y + 5}, std::to_string((5 - i) * 20), 13, kBlack);
  }
  const auto height = [&] { return random.uniform(plot.height / 10, plot.height); };
  const int series = random.uniform(1, 4), steps = random.uniform(5, 30);
  for (int s = 0; s < series; ++s) {
    const Scalar ink = colour(random, 30, 210);
    Point before;
    for (int i = 0; i < steps; ++i) {
      const int x = plot.x + plot.width * i / steps;
      const Point top(x, plot.y + plot.height - height());
      if (kind == 1) {
        const int bar = std::max(2, plot.width / steps / (series + 1));
        cv::rectangle(drawn, Rect(x + s * bar, top.y, bar, plot.y + plot.height - top.y), ink, cv::FILLED);
      } else if (kind == 2) {
        if (i > 0) cv::line(drawn, before, top, ink, 2, cv::LINE_AA);
      } else {
        for (int k = 0; k < 6; ++k)
          cv::circle(drawn, top + place(random, {60, 40}) - Point(30, 20), 4, ink, cv::FILLED, cv::LINE_AA);
      }
      before = top;
    }
  }
  cv::rectangle(drawn, plot, kBlack, 1);
  draw_text(drawn, {size.width / 2 - 30, size.height - 20}, word(random), 15, kBlack);
  return drawn;
}

/// A closed line of a few wide bends around `centre`.
std::vector<Point> blob(RNG& random, Point centre, int radius) {
  const double a = random.uniform(0.0, 6.3), b = random.uniform(0.0, 6.3), deep = random.uniform(0.1, 0.35);
  std::vector<Point> outline;
  for (int i = 0; i < 60; ++i) {
    const double angle = i * CV_2PI / 60,
                 r = radius * (1 + deep * std::sin(2 * angle + a) + deep * std::sin(3 * angle + b));
    outline.emplace_back(centre.x + int(r * std::cos(angle)), centre.y + int(r * std::sin(angle)));
  }
  return outline;
}

void stick_figure(Mat& sheet, RNG& random, Point neck, int size, const Scalar& ink, int thick) {
  const auto to = [&](Point from, int x, int y) {
    cv::line(sheet, from, from + Point(x, y), ink, thick, cv::LINE_AA);
    return from + Point(x, y);
  };
  cv::circle(sheet, neck - Point(0, size / 4), size / 4, ink, thick, cv::LINE_AA);
  const Point hip = to(neck, 0, size * 3 / 4);
  for (const int side : {-1, 1}) {
    to(neck + Point(0, size / 8), side * size / 2, random.uniform(-size / 2, size / 2));
    to(hip, side * random.uniform(size / 6, size / 2), size * 3 / 4);
  }
}

Mat drawing(RNG& random) {
  const Size size = some_size(random);
  const bool filled = chance(random, 0.4);  // a cartoon; otherwise lines on paper
  Mat sheet = paper(size, filled ? colour(random, 150, 256) : kWhite);
  const int thick = random.uniform(2, 6);
  for (int i = random.uniform(3, 9); i > 0; --i) {
    const Point at = place(random, size);
    const int large = random.uniform(25, 130);
    switch (random.uniform(0, 5)) {
      case 0:
        stick_figure(sheet, random, at, large, kBlack, thick);
        break;
      case 1: {  // a house
        const Rect wall(at.x, at.y, large * 3 / 2, large);
        const std::vector<Point> roof{
            {at.x - 8, at.y}, {at.x + large * 3 / 2 + 8, at.y}, {at.x + large * 3 / 4, at.y - large * 2 / 3}};
        if (filled) {
          cv::rectangle(sheet, wall, colour(random, 80), cv::FILLED);
          cv::fillPoly(sheet, std::vector<std::vector<Point>>{roof}, colour(random), cv::LINE_AA);
        }
        cv::rectangle(sheet, wall, kBlack, thick);
        cv::polylines(sheet, roof, true, kBlack, thick, cv::LINE_AA);
        break;
      }
      case 2: {  // the sun
        cv::circle(sheet, at, large / 2, filled ? Scalar(60, 220, 255) : kBlack, filled ? cv::FILLED : thick,
                   cv::LINE_AA);
        for (int ray = 0; ray < 12; ++ray) {
          const cv::Point2d way(std::cos(ray * CV_PI / 6), std::sin(ray * CV_PI / 6));
          cv::line(sheet, at + Point(way * (large * 0.6)), at + Point(way * (large * 0.9)), kBlack, thick, cv::LINE_AA);
        }
        break;
      }
      default: {
        const auto outline = blob(random, at, large);
        if (filled) cv::fillPoly(sheet, std::vector<std::vector<Point>>{outline}, colour(random), cv::LINE_AA);
        cv::polylines(sheet, outline, true, kBlack, thick, cv::LINE_AA);
      }
    }
  }
  return sheet;
}

Mat diagram(RNG& random) {
  const Size size = some_size(random);
  Mat sheet = paper(size);
  std::vector<Point> centres;
  for (int i = random.uniform(4, 12); i > 0; --i) {
    centres.push_back(place(random, {size.width - 140, size.height - 60}) + Point(70, 30));
    if (centres.size() > 1)
      cv::arrowedLine(sheet, centres[centres.size() - 2], centres.back(), kBlack, 2, cv::LINE_AA, 0, 0.06);
  }
  for (const auto& centre : centres) {
    const Rect box(centre - Point(60, 22), Size(120, 44));
    const Scalar fill = colour(random, 170);
    if (chance(random, 0.6)) {
      cv::rectangle(sheet, box, fill, cv::FILLED);
      cv::rectangle(sheet, box, kBlack, 2);
    } else {
      cv::ellipse(sheet, centre, {60, 26}, 0, 0, 360, fill, cv::FILLED, cv::LINE_AA);
      cv::ellipse(sheet, centre, {60, 26}, 0, 0, 360, kBlack, 2, cv::LINE_AA);
    }
    draw_text(sheet, centre + Point(-40, 6), word(random), 15, kBlack);
  }
  return sheet;
}

Mat music(RNG& random) {
  const Size size = some_size(random);
  Mat sheet = paper(size);
  for (int top = 50; top < size.height - 60; top += 90) {
    for (int line = 0; line < 5; ++line)
      cv::line(sheet, {30, top + 9 * line}, {size.width - 30, top + 9 * line}, kBlack, 1);
    for (int x = 60; x < size.width - 40; x += random.uniform(18, 45)) {
      const Point head(x, top + random.uniform(-1, 9) * 9 / 2);
      cv::ellipse(sheet, head, {6, 4}, -20, 0, 360, kBlack, chance(random, 0.8) ? cv::FILLED : 1, cv::LINE_AA);
      cv::line(sheet, head + Point(5, 0), head + Point(5, -30), kBlack, 1, cv::LINE_AA);
    }
  }
  return sheet;
}

Mat code(RNG& random) {  // a matrix code or bars, as on a parcel
  Mat label = paper({480, 480});
  const int cell = random.uniform(6, 18);
  const bool bars = chance(random, 0.4);
  for (int y = 40; y + cell <= 440; y += cell)
    for (int x = 40; x + cell <= 440; x += cell) {
      if (bars && y > 40) {
        label(Rect(x, 40, cell, cell)).copyTo(label(Rect(x, y, cell, cell)));
        continue;
      }
      if (chance(random, 0.5)) cv::rectangle(label, Rect(x, y, cell, cell), kBlack, cv::FILLED);
    }
  return label;
}

/// Noise in u8 [size], made of octaves from `coarsest` pixels down to `finest`, each half as strong as the one before.
Mat octaves(RNG& random, Size size, int coarsest, int finest) {
  Mat sum = Mat::zeros(size, CV_32F);
  double strength = 1;
  for (int cell = coarsest; cell >= finest; cell /= 2, strength /= 2) {
    Mat some(size.height / cell + 3, size.width / cell + 3, CV_32F), large;
    random.fill(some, RNG::UNIFORM, -1, 1);
    cv::resize(some, large, {some.cols * cell, some.rows * cell}, 0, 0, cv::INTER_CUBIC);
    sum += strength * large(Rect(Point(), size));
    if (cell == 1) break;
  }
  Mat bytes;
  cv::normalize(sum, bytes, 0, 255, cv::NORM_MINMAX, CV_8U);
  return bytes;
}

Mat coloured(const Mat& grey) {
  Mat bgr;
  cv::cvtColor(grey, bgr, cv::COLOR_GRAY2BGR);
  return bgr;
}

Mat noise(RNG& random) {
  const Size size(400, 400);
  Mat made(size, CV_8UC3);
  int strength;
  switch (random.uniform(0, 4)) {
    case 0:
      random.fill(made, RNG::UNIFORM, 0, 256);
      return made;
    case 1:
      strength = random.uniform(15, 70);
      random.fill(made, RNG::NORMAL, colour(random, 60, 200), Scalar::all(strength));
      return made;
    case 2:
      return coloured(octaves(random, size, 64, 1));
    default: {
      std::vector<Mat> channels;
      const int cell = 1 << random.uniform(1, 6);
      for (int c = 0; c < 3; ++c) channels.push_back(octaves(random, size, cell, cell));
      cv::merge(channels, made);
      return made;
    }
  }
}

Mat texture(RNG& random) {
  const Size size(448, 448);
  Mat made(size, CV_8UC3);
  const Scalar one = colour(random), other = colour(random);
  const int kind = random.uniform(0, 6), cell = random.uniform(8, 60);
  const double tilt = random.uniform(0.0, CV_PI);
  const Mat warp = octaves(random, size, 64, 16);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const double along = x * std::cos(tilt) + y * std::sin(tilt), across = y * std::cos(tilt) - x * std::sin(tilt);
      double share = 0;
      if (kind == 0) share = std::fmod(along + 1e4, cell) < cell / 2.0;                                  // stripes
      if (kind == 1) share = (int(along + 1e4) / cell + int(across + 1e4) / cell) % 2;                   // a chessboard
      if (kind == 2) share = 0.5 + 0.5 * std::sin(along * CV_2PI / cell + warp.at<uchar>(y, x) / 20.0);  // marble
      if (kind == 3) share = std::hypot(x % cell - cell / 2.0, y % cell - cell / 2.0) < cell / 3.0;      // dots
      if (kind == 4) share = double(x + y) / (size.width + size.height);                  // a slope of colour
      if (kind == 5) share = y % cell < 3 || (x + y / cell % 2 * cell) % (2 * cell) < 3;  // bricks
      for (int c = 0; c < 3; ++c)
        made.at<cv::Vec3b>(y, x)[c] = cv::saturate_cast<uchar>(one[c] * share + other[c] * (1 - share));
    }
  return made;
}

Mat x_ray(RNG& random) {
  const Size size(480, 480);
  Mat film = Mat::zeros(size, CV_8U);
  const Point centre(240 + random.uniform(-20, 20), 260);
  cv::ellipse(film, centre, {190, 230}, 0, 0, 360, 130, cv::FILLED);
  for (const int side : {-1, 1}) {
    const int aside = random.uniform(75, 95), tall = random.uniform(120, 160);
    cv::ellipse(film, centre + Point(side * aside, -20), {65, tall}, side * 6, 0, 360, 45, cv::FILLED);
    for (int rib = -130; rib < 140; rib += random.uniform(26, 36))
      cv::ellipse(film, centre + Point(side * 60, rib), {110, 50}, side * 12, side > 0 ? 250 : 190,
                  side > 0 ? 350 : 290, 150, 7, cv::LINE_AA);
  }
  cv::rectangle(film, Rect(centre.x - 16, 40, 32, 420), 190, cv::FILLED);
  cv::GaussianBlur(film, film, {}, random.uniform(5.0, 9.0));
  Mat grain(size, CV_8U);
  random.fill(grain, RNG::NORMAL, 12, 8);
  film += grain;
  return coloured(film);
}

Mat from_above(RNG& random) {
  const Size size(512, 512);
  Mat land(size, CV_8UC3);
  std::vector<std::pair<Point, Scalar>> fields;
  for (int i = random.uniform(12, 70); i > 0; --i) {
    const Point at = place(random, size);
    const int green = random.uniform(70, 150), blue = random.uniform(40, 90), red = green + random.uniform(-50, 50);
    fields.emplace_back(at, Scalar(blue, green, red));
  }
  const Mat grain = octaves(random, size, 16, 1);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      double least = 1e18;
      const Scalar* of = nullptr;
      for (const auto& [at, tone] : fields)
        if (const double far = std::abs(at.x - x) + 1.7 * std::abs(at.y - y); far < least) least = far, of = &tone;
      for (int c = 0; c < 3; ++c)
        land.at<cv::Vec3b>(y, x)[c] = cv::saturate_cast<uchar>((*of)[c] * (0.7 + 0.6 * grain.at<uchar>(y, x) / 255.0));
    }
  for (int i = random.uniform(2, 6); i > 0; --i) {
    const Point from = place(random, size), to = place(random, size);
    cv::line(land, from, to, Scalar(150, 155, 160), random.uniform(3, 8), cv::LINE_AA);
  }
  for (int i = random.uniform(0, 90); i > 0; --i) {  // houses and their shadows
    const Point at = place(random, size);
    const Size house{random.uniform(6, 18), random.uniform(6, 18)};
    const Scalar roof = chance(random, 0.5) ? Scalar(70, 80, 150) : Scalar(170, 170, 175);
    cv::rectangle(land, Rect(at + Point(3, 3), house), Scalar(30, 35, 30), cv::FILLED);
    cv::rectangle(land, Rect(at, house), roof, cv::FILLED);
  }
  return land;
}

const std::pair<const char*, Mat (*)(RNG&)> kKinds[] = {
    {"document", document},    {"screen", screen}, {"chart", chart}, {"drawing", drawing}, {"diagram", diagram},
    {"music", music},          {"code", code},     {"noise", noise}, {"texture", texture}, {"x-ray", x_ray},
    {"from-above", from_above}};

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.size() > 3) throw UsageError("unlike-pictures DIR [COUNT [SEED]]");
  const int count = arguments.size() > 1 ? std::stoi(arguments[1]) : 20;
  const uint64_t seed = arguments.size() > 2 ? std::stoull(arguments[2]) : 1;
  const std::filesystem::path folder = arguments[0];
  std::filesystem::create_directories(folder);
  uint64_t kind = 0;
  for (const auto& [name, draw] : kKinds) {
    RNG random(seed * 1000 + ++kind);
    for (int i = 1; i <= count; ++i) {
      char number[16];
      std::snprintf(number, sizeof number, "-%02d.png", i);
      // Not by write_picture(): its mark would have them passed over as attend's own pages.
      const auto file = folder / (name + std::string(number));
      if (!cv::imwrite(file.string(), draw(random))) throw Error(file.string() + ": can't be written");
    }
  }
  return 0;
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  try {
    return attend::run({values + 1, values + count});
  } catch (const std::exception& error) {
    std::cerr << "unlike-pictures: " << error.what() << "\n";
    return 1;
  }
}
