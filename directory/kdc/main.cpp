// lab-kdc: the Kerberos realm of one domain, with the directory's passwords.
#include "common/log.hpp"
#include "common/runtime.hpp"
#include "directory/kdc/config.hpp"
#include "directory/kdc/server.hpp"

int main(int argc, char** argv) {
  using namespace lab;
  namespace kdc = directory::kdc;
  kdc::Settings settings;  // read once, by `check`
  return daemon_main(
      argc, argv,
      {.name = "lab-kdc",
       .summary = "The Kerberos realm of one domain: runs MIT Kerberos' krb5kdc with the directory's people.",
       .example = "lab-kdc --config kdc.yaml",
       .reference = [] { return kdc::settings_table().reference(); },
       .check =
           [&](const std::string& path) {
             auto read = config::load_file<kdc::Settings>(path);
             if (!read) return read.error();
             settings = std::move(*read);
             return std::string();
           },
       .run =
           [&](const std::string&) {
             auto ended = kdc::serve(settings);
             if (ended) return *ended;
             log::error("lab-kdc: {}", ended.error().text());
             return 1;
           }});
}
