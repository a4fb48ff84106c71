/// demo -- the story of a mail, told on the running lab: each lesson says what will happen, runs the real
/// command inside a client, marks the telling part of what came back, and fails honestly where the lab is
/// broken.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "labctl/plan/plan.hpp"

namespace lab::teaching {

struct ExecResult {
  int status = 0;      ///< exit status; 127 when there is no such program
  std::string output;  ///< standard output and error as a person would see them
};
/// Runs a command in a node and waits for its end; standard input is empty.
using Exec = std::function<ExecResult(const std::string& node, const std::vector<std::string>& argv)>;

struct DemoSettings {
  bool automatic = false;  ///< does not wait for Enter
  std::string language;    ///< "fr" or "fr_BF.UTF-8": French; anything else: English
  Exec exec;
  std::string lesson;   ///< only this one; empty: the whole story
  bool colour = false;  ///< marks by colour as well
  /// Where it is printed; standard output if left out.
  std::function<void(std::string_view)> print = {};
  /// Waits for Enter; false ends the demonstration. Standard input if left out.
  std::function<bool()> wait = {};
};

/// 0: every lesson came out as told; 1: one did not; 2: no such lesson, or nothing to show in this lab.
int run_demo(const plan::Plan& plan, const DemoSettings& settings);

/// The lessons of the story, in order: "lease", "names", "mx", …
std::vector<std::string> lesson_names();

}  // namespace lab::teaching
