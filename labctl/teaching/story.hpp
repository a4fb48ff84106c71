/// story -- the lessons as data: what is said, what is run, what must come. Made from a plan; runs nothing.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "labctl/plan/plan.hpp"
#include "labctl/teaching/texts.hpp"

namespace lab::teaching {

/// One command typed on a node.
struct Step {
  std::string node;
  std::vector<std::string> argv;
  std::vector<std::string> expect;  ///< all of these are in the output; they are the telling part, and marked
  std::vector<std::string> mark;    ///< marked as well, but need not be there
  bool succeeds = true;             ///< false: the lesson is that it is refused
  std::string capture;              ///< the number after this text is `{n}` in the steps that follow
  std::string seen;                 ///< one sentence: what was just seen
};

struct Lesson {
  std::string name;   ///< "lease"
  std::string title;  ///< "A lease"
  std::string says;   ///< one sentence: what will happen
  std::vector<Step> steps;
};

/// Who and what the story is about, taken from the plan.
struct Cast {
  std::string client, interface, server;
  std::string domain, mail_host, base, directory_host, address;
  plan::Credential sender, reader;
  bool has_lease = false, has_dns = false, has_mail = false, has_directory = false;
};
Cast cast_of(const plan::Plan& plan);

/// The lessons this lab can show. `mark`: a word that makes this telling's message unlike any other.
std::vector<Lesson> story(const plan::Plan& plan, Language language, const std::string& mark);

/// As typed in a shell.
std::string command_line(const std::vector<std::string>& argv);

}  // namespace lab::teaching
