/// results -- what the checks found: aligned lines for a person (only failures are long), JSON and JUnit for
/// machines, points for a teacher.
#pragma once
#include <map>
#include <string>

#include "common/error.hpp"
#include "labctl/plan/plan.hpp"

namespace lab::command {

struct CheckResult {
  bool ok = false;
  std::string expected = {}, got = {}, remedy = {};
  double ms = 0;
};
using CheckResults = std::map<std::string, CheckResult>;  ///< by check id

/// Prints results in the plan's order, each as soon as all before it are known.
class ResultPrinter {
 public:
  struct Options {
    bool failures_only = false, quiet = false;
  };
  ResultPrinter(const plan::Plan& plan, Options options);
  void show(const CheckResults& results);

 private:
  const plan::Plan& plan_;
  Options options_;
  std::size_t next_ = 0;
  std::size_t node_width_ = 0, group_width_ = 0, title_width_ = 0;
};

std::string results_json(const plan::Plan& plan, const CheckResults& results, double seconds);
/// JUnit XML: a suite per node, a case per promise.
Result<void> write_junit(const std::string& path, const plan::Plan& plan, const CheckResults& results,
                         double seconds);
/// "points: 7 of 10 …" over the checks that carry points.
std::string grade_text(const plan::Plan& plan, const CheckResults& results);

}  // namespace lab::command
