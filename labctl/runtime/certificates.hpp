/// certificates -- the lab's CA, kept in its state folder, and the certificates its services start with.
#pragma once
#include "common/ca.hpp"
#include "common/error.hpp"
#include "labctl/plan/plan.hpp"

namespace lab::runtime {

/// The lab CA: read from the plan's paths, made (and made again a month before it ends) where there is none.
Result<ca::Identity> ensure_ca(const plan::Plan& plan);
/// Issues one certificate into its files; the CA's certificate follows the leaf (RFC 8446 4.4.2).
Result<void> issue_certificate(const ca::Identity& root, const plan::CertificateRequest& request);

}  // namespace lab::runtime
