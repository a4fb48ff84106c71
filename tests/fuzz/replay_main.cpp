// Runs a fuzz target without libFuzzer: every file of the corpus, then mutations of them (bytes changed, cut,
// repeated, spliced) for one second with a fixed seed. A crash, a sanitizer report or a hang fails the test.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  using Input = std::vector<std::uint8_t>;
  std::vector<Input> corpus;
  for (int i = 1; i < argc; ++i)
    for (const auto& file : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(file.path(), std::ios::binary);
      corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
  if (corpus.empty()) {
    std::fprintf(stderr, "no corpus: name a folder with at least one file\n");
    return 2;
  }
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());

  std::mt19937 random(20261123);  // fixed, so that a failure comes back
  auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  std::size_t runs = 0;
  while (std::chrono::steady_clock::now() < end) {
    Input input = corpus[below(corpus.size())];
    for (auto changes = 1 + below(8); changes > 0; --changes) {
      const auto at = static_cast<std::ptrdiff_t>(below(input.size() + 1));
      switch (below(5)) {
        case 0:
          if (!input.empty()) input[below(input.size())] = static_cast<std::uint8_t>(random());
          break;
        case 1: input.resize(below(input.size() + 1)); break;
        case 2: input.insert(input.begin() + at, 1 + below(16), static_cast<std::uint8_t>(random())); break;
        case 3: {
          const Input& other = corpus[below(corpus.size())];
          input.insert(input.begin() + at, other.begin(),
                       other.begin() + static_cast<std::ptrdiff_t>(below(other.size() + 1)));
          break;
        }
        default:
          if (!input.empty()) input[below(input.size())] ^= static_cast<std::uint8_t>(1U << below(8));
      }
    }
    if (input.size() > 65536) input.resize(65536);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    ++runs;
  }
  std::printf("%zu corpus files and %zu mutations\n", corpus.size(), runs);
}
