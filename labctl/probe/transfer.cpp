#include "labctl/probe/transfer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace lab::probe {
namespace {

constexpr std::size_t kMostKept = 1 << 20;  // test mails are a few hundred bytes

std::size_t keep(char* data, std::size_t size, std::size_t count, void* into) {
  auto& text = *static_cast<std::string*>(into);
  if (text.size() < kMostKept) text.append(data, size * count);
  return size * count;
}

std::size_t supply(char* data, std::size_t size, std::size_t count, void* from) {
  auto& left = *static_cast<std::string_view*>(from);
  const auto n = std::min(size * count, left.size());
  std::memcpy(data, left.data(), n);
  left.remove_prefix(n);
  return n;
}

}  // namespace

TransferResult run(const Transfer& transfer, const std::string& ca_file, std::chrono::milliseconds patience) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), curl_easy_cleanup);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> recipients(nullptr, curl_slist_free_all);
  CURL* curl = handle.get();
  TransferResult result;
  char problem[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, transfer.url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERNAME, transfer.user.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, transfer.password.c_str());
  // With a realm in the domain libcurl would rather show a ticket, which nobody has fetched here.
  if (!transfer.user.empty()) curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN");
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(patience.count()));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &result.body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &result.headers);
  if (transfer.starttls) curl_easy_setopt(curl, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  if (transfer.no_body) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (!transfer.command.empty()) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, transfer.command.c_str());
  std::string_view left = transfer.message;
  if (!transfer.from.empty()) {
    for (const auto& to : transfer.to) recipients.reset(curl_slist_append(recipients.release(), to.c_str()));
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, transfer.from.c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, supply);
    curl_easy_setopt(curl, CURLOPT_READDATA, &left);
  }
  const auto code = curl_easy_perform(curl);
  result.ok = code == CURLE_OK;
  result.login_denied = code == CURLE_LOGIN_DENIED;
  if (!result.ok) result.failure = *problem != '\0' ? problem : curl_easy_strerror(code);
  return result;
}

}  // namespace lab::probe
