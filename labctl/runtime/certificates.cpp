#include "labctl/runtime/certificates.hpp"

#include <unistd.h>

#include "common/yaml.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::runtime {
namespace {

using namespace std::chrono_literals;
constexpr auto kRootLife = 3650 * 24h;
constexpr auto kRootMargin = 30 * 24h;
constexpr auto kLeafLife = 397 * 24h;  // what browsers accept at most
constexpr auto kClockSlack = 1h;       // a client whose clock is a little behind still finds it valid

}  // namespace

Result<ca::Identity> ensure_ca(const plan::Plan& plan) {
  const auto now = std::chrono::system_clock::now();
  if (access(plan.ca_certificate.c_str(), R_OK) == 0 && access(plan.ca_key.c_str(), R_OK) == 0) {
    const auto certificate = yaml::read_file(plan.ca_certificate);
    const auto key = yaml::read_file(plan.ca_key);
    if (certificate && key) {
      const auto facts = ca::inspect(*certificate);
      if (facts && facts->not_after - kRootMargin > now) return ca::Identity{*certificate, *key};
    }
  }
  auto root = ca::create_root(plan.ca_name, now - kClockSlack, now + kRootLife);
  if (!root) return root;
  // The key first: a certificate without its key would look like a usable CA.
  if (auto written = write_file(plan.ca_key, root->key, 0600, true); !written)
    return std::unexpected(written.error());
  if (auto written = write_file(plan.ca_certificate, root->certificate, 0644, true); !written)
    return std::unexpected(written.error());
  return root;
}

Result<void> issue_certificate(const ca::Identity& root, const plan::CertificateRequest& request) {
  const auto now = std::chrono::system_clock::now();
  const auto leaf = ca::issue(root, {.common_name = request.common_name,
                                     .dns_names = request.dns_names,
                                     .addresses = request.addresses,
                                     .emails = {},
                                     .not_before = now - kClockSlack,
                                     .not_after = now + kLeafLife});
  if (!leaf) return std::unexpected(leaf.error());
  if (auto written = write_file(request.key_path, leaf->key, 0600); !written) return written;
  return write_file(request.certificate_path, leaf->certificate + root.certificate, 0644);
}

}  // namespace lab::runtime
