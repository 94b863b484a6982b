#include "vision/geometry.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace attend {
namespace {

/// The colour around padded pictures, RGB: ImageNet's mean, which every family's scaling brings close to zero.
constexpr float padding[3] = {124, 116, 104};

/// What one output pixel takes from one input pixel along an axis; index -1 is the padding.
struct Tap {
  int index;
  float weight;
};

/// What the output pixels take along an axis, one after the other: pixel i up to taps[ends[i]]. Weights of a pixel sum to 1.
struct Resampling {
  std::vector<Tap> taps;
  std::vector<size_t> ends;
};

/// For `count` output pixels that together show [start, start + length) of an axis of `size` pixels.
Resampling resampling(double start, double length, int count, int size) {
  Resampling result;
  auto& list = result.taps;
  const double step = length / count;
  for (int i = 0; i < count; ++i) {
    const double low = start + i * step, high = low + step, centre = (low + high) / 2;
    if (step > 1) {  // the area [low, high) covers
      double covered = 0;
      const int last = std::min(size, static_cast<int>(std::ceil(high)));
      for (int pixel = std::max(0, static_cast<int>(std::floor(low))); pixel < last; ++pixel) {
        const double part = (std::min(high, pixel + 1.0) - std::max(low, double(pixel))) / step;
        if (part <= 0) continue;
        list.push_back({pixel, static_cast<float>(part)});
        covered += part;
      }
      if (covered < 1 - 1e-6) list.push_back({-1, static_cast<float>(1 - covered)});
    } else if (centre < 0 || centre >= size) {
      list.push_back({-1, 1});
    } else {  // between the two nearest pixel centres, the outermost repeated
      const double position = centre - 0.5;
      const int left = static_cast<int>(std::floor(position));
      const auto part = static_cast<float>(position - left);
      list.push_back({std::max(left, 0), 1 - part});
      if (part > 0) list.push_back({std::min(left + 1, size - 1), part});
    }
    result.ends.push_back(list.size());
  }
  return result;
}

/// One row of `from` (u8 BGR) at the resolution of `columns`, f32 RGB.
void resample_row(const unsigned char* from, const Resampling& columns, float* to) {
  const Tap* tap = columns.taps.data();
  for (const size_t end : columns.ends) {
    float red = 0, green = 0, blue = 0;
    for (; tap != columns.taps.data() + end; ++tap) {
      const auto [index, weight] = *tap;
      if (index < 0) {
        red += weight * padding[0], green += weight * padding[1], blue += weight * padding[2];
      } else {
        const auto* pixel = from + 3 * static_cast<ptrdiff_t>(index);
        red += weight * pixel[2], green += weight * pixel[1], blue += weight * pixel[0];
      }
    }
    *to++ = red, *to++ = green, *to++ = blue;
  }
}

/// Area under the standard normal density left of x.
double normal_area(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// [target, cells]: how much of each cell each of `target` pixels shows, along an axis of `full` pixels of which the
/// grid covers [start, start + length). Rows outside the grid are 0, all others sum to 1.
cv::Mat spreading(double start, double length, int cells, double full, int target, double smoothing) {
  cv::Mat weights(target, cells, CV_32F, cv::Scalar(0));
  for (int i = 0; i < target; ++i) {
    const double position = ((i + 0.5) * full / target - start) / length * cells;  // in cells
    if (position < 0 || position >= cells) continue;
    auto* row = weights.ptr<float>(i);
    if (smoothing <= 0) {
      row[static_cast<int>(position)] = 1;
      continue;
    }
    double sum = 0;
    for (int cell = 0; cell < cells; ++cell) {
      const auto share = [&](double low) {
        return normal_area((low + 1 - position) / smoothing) - normal_area((low - position) / smoothing);
      };
      const double weight = share(cell) + share(-1 - cell) + share(2 * cells - 1 - cell);  // and its mirror images
      row[cell] = static_cast<float>(weight);
      sum += weight;
    }
    for (int cell = 0; cell < cells; ++cell) row[cell] = static_cast<float>(row[cell] / sum);
  }
  return weights;
}

/// a [R, K] times b [K, C]. cv::gemm would ask BLAS, which keeps 128 MiB for every thread that calls it.
cv::Mat multiply(const cv::Mat& a, const cv::Mat& b) {
  cv::Mat product(a.rows, b.cols, CV_32F, cv::Scalar(0));
  for (int row = 0; row < a.rows; ++row) {
    auto* to = product.ptr<float>(row);
    for (int k = 0; k < a.cols; ++k) {
      const float weight = a.at<float>(row, k);
      const auto* from = b.ptr<float>(k);
      for (int column = 0; column < b.cols; ++column) to[column] += weight * from[column];
    }
  }
  return product;
}

}  // namespace

Resize parse_resize(const std::string& name) {
  if (name == "squash") return Resize::squash;
  if (name == "crop") return Resize::crop;
  if (name == "pad") return Resize::pad;
  throw UsageError("resize: \"" + name + "\" is not allowed; it takes squash, crop or pad");
}

Geometry::Geometry(cv::Size full, int input_size, Resize resize) : full_(full), input_size_(input_size) {
  const double width = full.width, height = full.height;
  const double shorter = std::min(width, height), longer = std::max(width, height);
  const double area_width = resize == Resize::squash ? width : resize == Resize::crop ? shorter : longer;
  const double area_height = resize == Resize::squash ? height : area_width;
  area_ = {(width - area_width) / 2, (height - area_height) / 2, area_width, area_height};
}

cv::Mat Geometry::to_input(const cv::Mat& picture) const {
  CV_Assert(picture.type() == CV_8UC3);
  const double scale_x = double(picture.cols) / full_.width, scale_y = double(picture.rows) / full_.height;
  const auto columns = resampling(area_.x * scale_x, area_.width * scale_x, input_size_, picture.cols);
  const auto rows = resampling(area_.y * scale_y, area_.height * scale_y, input_size_, picture.rows);

  const int length = 3 * input_size_;
  std::vector<float> sum(static_cast<size_t>(length));
  std::vector<float> padding_row(static_cast<size_t>(length));
  for (int i = 0; i < length; ++i) padding_row[static_cast<size_t>(i)] = padding[i % 3];
  // The rows of the picture that were resampled last: neighbouring output rows share them when growing.
  std::vector<float> cached[2] = {padding_row, padding_row};
  int cached_row[2] = {-1, -1};

  cv::Mat input(input_size_, input_size_, CV_8UC3);
  const Tap* tap = rows.taps.data();
  for (int y = 0; y < input_size_; ++y) {
    std::fill(sum.begin(), sum.end(), 0.0f);
    for (; tap != rows.taps.data() + rows.ends[static_cast<size_t>(y)]; ++tap) {
      const auto [row, weight] = *tap;
      const float* values = padding_row.data();
      if (row >= 0) {
        const int slot = row % 2;
        if (cached_row[slot] != row) {
          resample_row(picture.ptr(row), columns, cached[slot].data());
          cached_row[slot] = row;
        }
        values = cached[slot].data();
      }
      for (int i = 0; i < length; ++i) sum[static_cast<size_t>(i)] += weight * values[i];
    }
    auto* to = input.ptr(y);
    for (int i = 0; i < length; ++i)
      to[i] = static_cast<unsigned char>(std::clamp(sum[static_cast<size_t>(i)] + 0.5f, 0.0f, 255.0f));
  }
  return input;
}

cv::Rect2d Geometry::cell(int row, int col, int rows, int cols) const {
  const double width = area_.width / cols, height = area_.height / rows;
  return {area_.x + col * width, area_.y + row * height, width, height};
}

cv::Mat Geometry::to_picture(const cv::Mat& map, cv::Size target, double smoothing) const {
  CV_Assert(map.type() == CV_32F);
  const cv::Mat down = spreading(area_.y, area_.height, map.rows, full_.height, target.height, smoothing);
  const cv::Mat across = spreading(area_.x, area_.width, map.cols, full_.width, target.width, smoothing);
  return multiply(multiply(down, map), across.t());
}

}  // namespace attend
