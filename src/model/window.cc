// R rows · L = side² grid cells · H size of the decoder's state
#include "model/window.h"

#include <cmath>
#include <limits>

#include "model/layers.h"

namespace attend {

using torch::Tensor;

namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

/// rows [R, side] and columns [R, side] → their sum at every cell, [R, L].
Tensor over_grid(const Tensor& rows, const Tensor& columns) {
  return (rows.unsqueeze(2) + columns.unsqueeze(1)).flatten(1);  // [R, L]
}

}  // namespace

Tensor MonotonicWindow::bias(const Tensor& hidden, int64_t step, int64_t cells) {
  const int64_t side = grid_side(cells), width = 2 * radius_ + 1, across = (side + width - 1) / width;
  const int64_t tile = step % (across * across);
  const auto axis = [&](int64_t number) {
    const int64_t first = number * width, last = std::min(first + width, side);
    Tensor inside = torch::full({1, side}, kNever, hidden.options());  // [1, side]
    inside.narrow(1, first, last - first).zero_();
    return inside;
  };
  return over_grid(axis(tile / across), axis(tile % across)).expand({hidden.size(0), cells});  // [R, L]
}

PredictedWindow::PredictedWindow(int64_t radius, int64_t hidden_size)
    : radius_(radius),
      hidden_(register_module("hidden", linear(hidden_size, hidden_size))),
      middle_(register_module("middle", linear(hidden_size, 2))) {}

Tensor PredictedWindow::bias(const Tensor& hidden, int64_t, int64_t cells) {
  const int64_t side = grid_side(cells);
  const double sigma = static_cast<double>(radius_) / 2;
  const auto middle = (side - 1) * middle_->forward(hidden_->forward(hidden).tanh()).sigmoid();  // [R, 2]: row, column
  const auto place = torch::arange(side, hidden.options());                                      // [side]
  const auto away = place - middle.unsqueeze(2);                                                 // [R, 2, side]
  const auto bias = (away.square() / (-2 * sigma * sigma)).masked_fill(away.abs() > radius_, kNever);  // [R, 2, side]
  return over_grid(bias.select(1, 0), bias.select(1, 1));                                              // [R, L]
}

}  // namespace attend
