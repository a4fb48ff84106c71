/// asker -- one question to a directory, seen through to its answer: over whichever server works, again over
/// another when one fails, page after page where the answer is long, and on to where the server sends it if
/// that is wanted. What is asked, and what the answers mean, is the client's business. All calls belong to
/// one strand.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "directory/client_settings.hpp"
#include "directory/pool.hpp"
#include "directory/referral.hpp"

namespace lab::directory {

class Asker {
 public:
  /// `settings` as Client::check accepts them; throws std::invalid_argument for others.
  Asker(boost::asio::any_io_executor strand, const ClientSettings& settings);
  void stop();

  /// As the service account. All pages of it are in the reply. `where` is set to another server if the
  /// entries come from there.
  boost::asio::awaitable<Result<Reply>> search(Search what, Clock::time_point deadline,
                                               std::optional<ServerUrl>* where = nullptr);
  /// Whether `password` is the one of `dn`; asked at `where` if that is given.
  boost::asio::awaitable<Result<Reply>> bind(std::string dn, std::string password, Clock::time_point deadline,
                                             std::optional<ServerUrl> where = {});
  /// Changes the password of `dn`, bound as them (RFC 3062): the bind's answer where that is refused, else
  /// the change's. Never sent twice: when no answer comes, the change may have been made.
  struct Changed {
    Reply bind;
    std::optional<Reply> change;
  };
  boost::asio::awaitable<Result<Changed>> change_own(std::string dn, std::string old, std::string fresh,
                                                     Clock::time_point deadline);
  /// As the service account. Never sent twice.
  boost::asio::awaitable<Result<Reply>> modify(std::string dn, std::vector<Modification> changes,
                                               Clock::time_point deadline);

  const std::shared_ptr<Servers>& servers() const { return servers_; }
  const Identity& account() const { return account_; }
  const tls::Context& tls() const { return tls_; }

 private:
  boost::asio::awaitable<Result<Reply>> ask_one(Search what, Clock::time_point deadline);
  /// A search that goes on elsewhere.
  struct Journey {
    Search what;
    Clock::time_point deadline;
    std::optional<ServerUrl>* where;
    std::size_t hops = 0;
  };
  boost::asio::awaitable<Result<Reply>> go_on(std::string url, Journey journey);
  boost::asio::awaitable<Result<Reply>> followed(Reply reply, Journey journey);
  Clock::time_point attempt(Clock::time_point deadline) const;

  boost::asio::any_io_executor strand_;
  ClientLimits limits_;
  Referrals referrals_;
  Identity account_;
  tls::Context tls_;
  std::shared_ptr<Servers> servers_;
  std::shared_ptr<Pool> lookups_, binds_;
};

Result<std::vector<ServerUrl>> parse_urls(const std::vector<std::string>& texts);

}  // namespace lab::directory
