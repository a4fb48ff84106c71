// lab-directory: fills and runs the slapd of one domain.
#include "common/log.hpp"
#include "common/runtime.hpp"
#include "directory/admin_command.hpp"
#include "directory/config.hpp"
#include "directory/serve.hpp"
#include "directory/student_command.hpp"

int main(int argc, char** argv) {
  using namespace lab;
  if (directory::is_student_command(argc, argv)) return directory::student_main(argc, argv);
  if (directory::is_admin_command(argc, argv)) return directory::admin_main(argc, argv);
  directory::Settings settings;  // read once, by `check`
  return daemon_main(
      argc, argv,
      {.name = "lab-directory",
       .summary = "The directory of one domain: fills OpenLDAP's slapd from a YAML file and runs it.\n\n"
                  "For everybody:   lab-directory whoami | search | passwd      -h after each tells more\n"
                  "For the teacher: lab-directory user | group | import | export | certify",
       .example = "lab-directory --config directory.yaml",
       .reference = [] { return directory::settings_table().reference(); },
       .check =
           [&](const std::string& path) {
             auto read = directory::load_settings(path);
             if (!read) return read.error();
             settings = std::move(*read);
             return std::string();
           },
       .run =
           [&](const std::string&) {
             log::error("lab-directory: {}", directory::serve(settings).text());
             return 1;
           }});
}
