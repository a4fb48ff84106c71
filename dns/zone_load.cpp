// load_zone_text, load_zone_file: a zone from its files, with every problem in words.
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "dns/zone_file.hpp"

namespace lab::dns {
namespace {

// A file's bytes, mapped: a big zone is read once and not kept.
class MappedFile {
 public:
  static Result<std::unique_ptr<MappedFile>> open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(fmt::format("cannot read it: {}", std::strerror(errno)), path);
    struct stat info {};
    std::unique_ptr<MappedFile> file(new MappedFile);
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
      ::close(fd);
      return fail("is not a regular file", path);
    }
    file->size_ = static_cast<std::size_t>(info.st_size);
    if (file->size_ > 0)
      file->data_ = ::mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    const int error = errno;
    ::close(fd);
    if (file->data_ == MAP_FAILED) return fail(fmt::format("cannot read it: {}", std::strerror(error)), path);
    return file;
  }
  ~MappedFile() {
    if (data_ && data_ != MAP_FAILED) ::munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }

 private:
  MappedFile() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// $INCLUDE reaches the zone file's own folder and what lies below it, nothing else of the machine.
Includer folder_includer(const std::string& zone_file) {
  const std::filesystem::path folder = std::filesystem::path(zone_file).parent_path();
  return [folder](const std::string& path) -> Result<IncludedFile> {
    std::error_code error;
    const auto root = std::filesystem::weakly_canonical(folder.empty() ? "." : folder, error);
    const auto file = std::filesystem::weakly_canonical(root / path, error);
    const auto inside = file.lexically_relative(root);
    if (error || inside.empty() || *inside.begin() == "..")
      return fail(fmt::format("'{}' is outside the zone file's folder", path), {},
                  "included files stand beside the zone file");
    const auto mapped = MappedFile::open(file.string());
    if (!mapped) return std::unexpected(mapped.error());
    return IncludedFile{(folder / inside).string(), std::string((*mapped)->text())};
  };
}

}  // namespace

ZoneLoad load_zone_text(const Name& apex, const std::string& file, std::string_view text,
                        const Includer& includer) {
  ZoneLoad load;
  ZoneBuilder builder(apex);
  // Shortest useful line: "a A 1.2.3.4\n"; a wrong guess only costs a reallocation.
  if (text.size() > 65536) builder.reserve(text.size() / 14, text.size() * 2);
  ZoneFileReader reader(builder, includer);
  reader.read(file, text);
  load.problems = reader.problems();
  if (!load.problems.empty()) return load;
  std::vector<ZoneBuilder::Problem> problems, remarks;
  load.zone = builder.build(problems, remarks);
  for (auto& p : problems)
    load.problems.push_back({fmt::format("{}: {}", p.name.text(), p.what), reader.where(p.place), {}});
  for (auto& r : remarks)
    load.remarks.push_back({fmt::format("{}: {}", r.name.text(), r.what), reader.where(r.place), {}});
  return load;
}

ZoneLoad load_zone_file(const Name& apex, const std::string& path) {
  ZoneLoad load;
  {
    const auto file = MappedFile::open(path);
    if (!file) {
      load.problems.push_back(file.error());
      return load;
    }
    load = load_zone_text(apex, path, (*file)->text(), folder_includer(path));
  }
  ::malloc_trim(0);  // what reading needed for a moment goes back to the system
  return load;
}

}  // namespace lab::dns
