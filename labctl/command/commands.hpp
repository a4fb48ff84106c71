/// commands -- one function per labctl command; main.cpp reads the command line into these options and calls
/// one. Each returns the exit status: 0 done, 1 the lab or a check failed, 2 wrong usage or topology.
#pragma once
#include <string>
#include <vector>

namespace lab::command {

struct UpOptions {
  std::string file;
  bool dry_run = false, json = false, foreground = false, quiet = false, check = false;
};
int up(const UpOptions& options);

struct DownOptions {
  std::string lab;
  bool purge = false;
};
int down(const DownOptions& options);

int ps(bool json);
int status(const std::string& lab, bool json);
int node_names(const std::string& lab);

struct ExecOptions {
  std::string lab, node;
  std::vector<std::string> command;
};
int exec(const ExecOptions& options);
int shell(const std::string& lab, const std::string& node);

struct CheckOptions {
  std::string lab = {}, junit = {};
  bool json = false, grade = false, failures_only = false;
};
int check(const CheckOptions& options);

struct UsersOptions {
  std::string lab, domain;
  std::vector<std::string> effective;  ///< show the rules that hold for these people instead
  bool json = false;
};
int users(const UsersOptions& options);

struct CaOptions {
  std::string lab, output;
  bool json = false;
};
int ca(const CaOptions& options);

/// People's S/MIME certificates. The key goes into a PKCS #12 file under a password that is shown.
struct IssueOptions {
  std::string lab, domain, output;
  std::vector<std::string> people;
  bool all = false, renew = false, revoke = false;
  bool publish_only = false;  ///< into the directory, no file
};
int ca_issue(const IssueOptions& options);

struct DemoOptions {
  std::string lab, language, lesson;
  bool automatic = false;
};
int demo(const DemoOptions& options);

int validate(const std::vector<std::string>& files, bool json);
int schema();
struct InitOptions {
  std::string name, output;
  bool list = false;
};
int init(const InitOptions& options);
int doctor(bool json);
/// `action`: start, stop, restart
int service(const std::string& lab, const std::string& id, const std::string& action);
struct TraceOptions {
  std::string lab, protocol, node;
};
int trace(const TraceOptions& options);

/// What `lab-directory` does to a running directory: user, group, import, export.
struct DirectoryOptions {
  std::string lab, domain;
  std::vector<std::string> words;  ///< of lab-directory's command line: "user", "add", "fati", …
};
int directory(const DirectoryOptions& options);
/// `subject`: a topology file, or a running lab's name.
struct GraphOptions {
  std::string subject, format = "svg", output;
};
int graph(const GraphOptions& options);
int completion(const std::string& shell, const std::vector<std::string>& commands);

}  // namespace lab::command
