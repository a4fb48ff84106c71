/// post_office -- the domains whose mail ends here, and who lives in them: users and aliases of the
/// configuration first, then the domain's directory. Aliases are followed to their ends, in circles too.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>

#include "mail/accounts.hpp"
#include "mail/config.hpp"

namespace lab::directory {
class Client;
struct Recipient;
}  // namespace lab::directory

namespace lab::mail {

struct PostOfficeLimits {
  /// Look-ups one address may cost: an alias of this many members, or a chain this long, is enough.
  std::size_t lookups = 1000;
};

class PostOffices final : public Accounts {
 public:
  /// `domains` as checked by `check_directories`.
  PostOffices(boost::asio::any_io_executor executor, std::string hostname,
              std::map<std::string, DomainConfig> domains);
  ~PostOffices() override;

  /// Whether each domain's directory could work: password files readable, URLs well-formed. Opens no
  /// connection.
  static Result<void> check_directories(const std::map<std::string, DomainConfig>& domains);

  bool serves(std::string_view domain) const override;
  boost::asio::awaitable<Account> authenticate(std::string name, std::string password) override;
  boost::asio::awaitable<Account> admit(std::string principal) override;
  /// Whoever would log in by this name, as the directory knows them, with the rules that hold for them. Needs
  /// no password, and so opens nothing.
  boost::asio::awaitable<directory::Recipient> person(std::string name);
  boost::asio::awaitable<Destination> find(Address address) override;
  std::string welcome(const Account& account) const override;

 private:
  struct Office {
    DomainConfig config;
    std::map<std::string, std::string> users_by_address;  // static users: address key -> login name
    std::unique_ptr<directory::Client> directory;
  };
  /// The domain of a login name without '@': the one before its backslash ("HELPER\\ali"), else the first.
  std::string office_named_by(const std::string& name) const;
  /// One step of following an address: a user, members of an alias, or why not.
  boost::asio::awaitable<Destination> look_up(Office& office, const Address& address,
                                              std::vector<Address>& members);
  boost::asio::awaitable<Account> static_login(const Office& office, std::string domain, std::string user,
                                               std::string password);

  std::string hostname_;
  std::map<std::string, Office, std::less<>> offices_;
};

}  // namespace lab::mail
