// How well probabilities fit what came of them.
#pragma once

#include <span>
#include <vector>

namespace attend {

/// What became of the cases whose probability lay in one of several even stretches from 0 to 1.
struct ReliabilityBin {
  size_t cases = 0;
  double probability = 0;  // mean of what was said; 0 of none
  double share = 0;        // of them that came true; 0 of none
};

/// probabilities[i] from 0 to 1, and whether case i came true.
std::vector<ReliabilityBin> reliability(std::span<const double> probabilities, const std::vector<bool>& came_true,
                                        int bins = 10);

/// Expected calibration error: how far probability and share lie apart in a bin, as a mean over the cases (Naeini et al.,
/// "Obtaining well calibrated probabilities using Bayesian binning", 2015). 0 of no cases.
double expected_calibration_error(const std::vector<ReliabilityBin>& bins);

/// Area under the receiver operating characteristic: how likely a case that came true has a higher value than one that
/// didn't, equal ones counting half (Hanley and McNeil 1982). NaN where all cases came out alike.
double area_under_curve(std::span<const double> values, const std::vector<bool>& came_true);

/// The least of the values that at least `share` of them (0 to 1) don't exceed; at least one value.
double quantile(std::vector<double> values, double share);

}  // namespace attend
