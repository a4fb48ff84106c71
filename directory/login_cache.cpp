#include "directory/login_cache.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdexcept>

#include "directory/dn.hpp"

namespace lab::directory {

LoginCache::LoginCache(LoginCacheLimits limits) : limits_(limits), key_{} {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1)
    throw std::runtime_error("no random bytes");
}

LoginCache::Digest LoginCache::digest_of(const std::string& name, std::string_view password) const {
  std::string text = name;
  text.push_back('\0');  // no name has one
  text.append(password);
  Digest digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  OPENSSL_cleanse(text.data(), text.size());
  return digest;
}

std::optional<Authentication> LoginCache::find(const std::string& typed, std::string_view password,
                                               Clock::time_point now) {
  const auto name = lower(typed);
  {
    const std::scoped_lock lock(mutex_);
    if (!open_ || (!right_.contains(name) && !wrong_.contains(name))) return std::nullopt;
  }
  const auto digest = digest_of(name, password);  // outside of the lock: it is the dear part
  const std::scoped_lock lock(mutex_);
  for (auto* list : {&right_, &wrong_}) {
    const auto found = list->find(name);
    if (found == list->end()) continue;
    const auto& known = found->second;
    if (now >= known.until) {
      list->erase(found);
      continue;
    }
    if (CRYPTO_memcmp(known.digest.data(), digest.data(), digest.size()) != 0) continue;
    if (list == &wrong_ && known.refusals < limits_.wrong_after) continue;
    return known.answer;
  }
  return std::nullopt;
}

LoginCache::Epoch LoginCache::epoch() const {
  const std::scoped_lock lock(mutex_);
  return epoch_;
}

void LoginCache::remember(const std::string& typed, std::string_view password, const Authentication& answer,
                          const std::string& dn, Epoch asked, Clock::time_point now) {
  using Outcome = Authentication::Outcome;
  const bool right = answer.outcome == Outcome::Ok;
  const auto fresh = right ? limits_.right : limits_.wrong;
  if ((!right && answer.outcome != Outcome::WrongPassword) || fresh.count() == 0) return;
  const auto name = lower(typed);
  const auto digest = digest_of(name, password);
  const std::scoped_lock lock(mutex_);
  if (!open_ || asked != epoch_) return;
  auto& list = right ? right_ : wrong_;
  // Full: starting anew is as good as choosing, and happens once in thousands of people.
  if (list.size() >= limits_.most) list.clear();
  auto& known = list[name];
  const bool again = known.digest == digest && now < known.until;
  known = {.digest = digest,
           .answer = answer,
           .refusals = again ? known.refusals + 1 : 1,
           .until = now + fresh,
           .dn = lower(dn)};
}

void LoginCache::open() {
  const std::scoped_lock lock(mutex_);
  open_ = true;
  ++epoch_;
  right_.clear();
  wrong_.clear();
}

void LoginCache::close() {
  const std::scoped_lock lock(mutex_);
  open_ = false;
  ++epoch_;
  right_.clear();
  wrong_.clear();
}

void LoginCache::forget(std::string_view dn) {
  const auto gone = lower(dn);
  const std::scoped_lock lock(mutex_);
  ++epoch_;
  std::erase_if(right_, [&](auto& known) { return known.second.dn == gone; });
  // What has changed is not said: a new password, or the count of wrong ones. Where they are counted, each
  // wrong password is asked about, as the count needs it.
  std::erase_if(wrong_, [&](auto& known) { return known.second.dn == gone; });
}

void LoginCache::forget_all() {
  const std::scoped_lock lock(mutex_);
  ++epoch_;
  right_.clear();
  wrong_.clear();
}

std::size_t LoginCache::size() const {
  const std::scoped_lock lock(mutex_);
  return right_.size() + wrong_.size();
}

}  // namespace lab::directory
