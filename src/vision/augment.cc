#include "vision/augment.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "vision/encode.h"
#include "vision/picture.h"

namespace attend {
namespace {

/// Uniform in [0, 1), the same with every standard library.
double uniform(std::mt19937_64& generator) { return static_cast<double>(generator() >> 11) * 0x1p-53; }

double uniform(std::mt19937_64& generator, double low, double high) { return low + (high - low) * uniform(generator); }

/// A rectangle that lacks at most `most` of each side, sides drawn apart so that the aspect ratio varies too.
cv::Rect random_crop(cv::Size size, double most, std::mt19937_64& generator) {
  const auto kept = [&](int side) {
    return std::clamp(static_cast<int>(std::lround(side * (1 - uniform(generator, 0, most)))), 1, side);
  };
  const auto start = [&](int room) { return static_cast<int>(uniform(generator) * (room + 1)); };
  const int width = kept(size.width), height = kept(size.height);
  const int x = start(size.width - width), y = start(size.height - height);
  return {x, y, width, height};
}

/// Brightness, contrast and saturation as one affine map of colours: out = matrix (in, 1).
cv::Matx34f colour_map(const AugmentOptions& options, double mean_grey, std::mt19937_64& generator) {
  const auto factor = [&](double strength) { return uniform(generator, 1 - strength, 1 + strength); };
  const double brightness = factor(options.brightness), contrast = factor(options.contrast),
               saturation = factor(options.saturation);
  const double gain = brightness * contrast, offset = brightness * (1 - contrast) * mean_grey;
  cv::Matx34f matrix;
  for (int row = 0; row < 3; ++row) {
    for (int col = 0; col < 3; ++col)
      matrix(row, col) = static_cast<float>(gain * ((row == col ? saturation : 0) + (1 - saturation) / 3));
    matrix(row, 3) = static_cast<float>(offset);
  }
  return matrix;
}

/// Smaller, with grain, and with the traces of compression, each at random.
cv::Mat degraded(cv::Mat picture, std::mt19937_64& generator) {
  const double side = uniform(generator, 160, 400), longest = std::max(picture.cols, picture.rows);
  if (side < longest) {
    const cv::Size size(std::max(1, static_cast<int>(std::lround(picture.cols * side / longest))),
                        std::max(1, static_cast<int>(std::lround(picture.rows * side / longest))));
    cv::resize(picture, picture, size, 0, 0, cv::INTER_AREA);
  }
  if (uniform(generator) < 0.5) {
    cv::RNG noise(generator());
    cv::Mat grain(picture.size(), CV_16SC3), grainy;
    noise.fill(grain, cv::RNG::NORMAL, 0, uniform(generator, 0, 8));
    picture.convertTo(grainy, CV_16S);
    grainy += grain;
    grainy.convertTo(picture, CV_8U);
  }
  if (uniform(generator) < 0.5) {
    const bool webp = uniform(generator) < 0.5;
    const int quality = static_cast<int>(uniform(generator, 30, 90));
    // As far as codecs go, red and blue may have changed places.
    const auto bytes = webp ? encode_webp(picture, quality) : encode_jpeg(picture, quality);
    picture = decode_picture(bytes, "a degraded picture").pixels;
  }
  return picture;
}

}  // namespace

void AugmentOptions::list(OptionList& options) {
  options.section("augment", "Augmentation", "augment_");
  options.add("crop", crop, "largest share of a side that is cut away", between(0, 0.9));
  options.add("flip", flip, "mirror every other picture; its captions then say left for right");
  options.add("brightness", brightness, "strength of random changes of brightness", between(0, 1));
  options.add("contrast", contrast, "strength of random changes of contrast", between(0, 1));
  options.add("saturation", saturation, "strength of random changes of saturation", between(0, 1));
  options.add("degrade", degrade, "share of pictures that are made small, grainy or coarsely compressed",
              between(0, 1));
}

cv::Mat augment(const cv::Mat& picture, const AugmentOptions& options, std::mt19937_64& generator, bool* mirrored) {
  CV_Assert(picture.type() == CV_8UC3);
  cv::Mat changed;
  if (options.crop > 0) {
    const cv::Mat kept = picture(random_crop(picture.size(), options.crop, generator));
    cv::resize(kept, changed, picture.size(), 0, 0, cv::INTER_LINEAR);
  } else {
    changed = picture.clone();
  }
  const bool mirror = options.flip && uniform(generator) < 0.5;
  if (mirror) cv::flip(changed, changed, 1);
  if (mirrored) *mirrored = mirror;
  if (options.brightness > 0 || options.contrast > 0 || options.saturation > 0) {
    const auto mean = cv::mean(changed);
    cv::Mat coloured;
    cv::transform(changed, coloured, colour_map(options, (mean[0] + mean[1] + mean[2]) / 3, generator));
    changed = coloured;
  }
  return options.degrade > 0 && uniform(generator) < options.degrade ? degraded(changed, generator) : changed;
}

}  // namespace attend
