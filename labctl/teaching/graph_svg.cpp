// Networks are horizontal lines, one below the other. Nodes on one network hang below its line; nodes on
// several stand in columns of their own at the right, across the lines they join, so that no wire runs behind
// a box.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/teaching/graph_model.hpp"

namespace lab::teaching {

namespace {

constexpr int kBoxWidth = 168, kBoxHeight = 74, kGap = 24, kMargin = 32;
constexpr int kPerRow = 6;  // boxes side by side before a new row begins
constexpr int kTitleHeight = 56;
constexpr int kLineToBox = 46;  // room for the address beside the wire

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

constexpr const char* kStyle = R"(<style>
  svg { font: 13px system-ui, sans-serif; color: #1b2330; background: #ffffff }
  .wire { stroke: #5b7db1; stroke-width: 1.5 } .line { stroke: #2f5fa8; stroke-width: 4; stroke-linecap: round } .joint { fill: #2f5fa8 }
  .box { fill: #f4f7fc; stroke: #2f5fa8 } .router { fill: #fff4dd; stroke: #b07b12 } .ill { stroke: #c62828; stroke-width: 2.5 }
  text { fill: currentColor } .title { font-size: 18px; font-weight: 600 } .name { font-weight: 600 } .small { font-size: 11px; opacity: .8 }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6ebf3; background: #12161d } .box { fill: #1d2633; stroke: #7fa8e8 } .router { fill: #33290f; stroke: #e0b04a }
    .wire { stroke: #7f9bc9 } .line { stroke: #7fa8e8 } .joint { fill: #7fa8e8 } .ill { stroke: #ff6b6b }
  }
</style>
)";

class Drawing {
 public:
  explicit Drawing(const GraphModel& model) : model_(model) {
    for (const auto& box : model_.boxes) (box.networks.size() > 1 ? crossing_ : hanging_).push_back(&box);
  }

  std::string svg() {
    place();
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
        "role=\"img\">\n<title>{2}</title>\n{3}",
        width_, height_, escaped(model_.title), kStyle);
    text(kMargin, 34, "title", model_.title);
    for (const auto& placed : lines_) line(placed);
    for (std::size_t i = 0; i < crossing_.size(); ++i)
      crossing(*crossing_[i], columns_ + static_cast<int>(i) * (kBoxWidth + kGap));
    return out_ + "</svg>\n";
  }

 private:
  struct Placed {
    const GraphModel::Line* network;
    std::vector<const GraphBox*> boxes;
    int y = 0;
  };

  void place() {
    int y = kTitleHeight + kMargin;
    int widest = 1;
    for (const auto& network : model_.networks) {
      Placed placed{&network, {}, y};
      for (const auto* box : hanging_)
        if (box->networks.front() == network.name) placed.boxes.push_back(box);
      const int count = static_cast<int>(placed.boxes.size());
      const int rows = std::max((count + kPerRow - 1) / kPerRow, 1);
      widest = std::max(widest, std::min(count, kPerRow));
      y += rows * (kLineToBox + kBoxHeight) + kGap * 2;
      lines_.push_back(std::move(placed));
    }
    columns_ = kMargin + widest * (kBoxWidth + kGap);
    width_ = columns_ + static_cast<int>(crossing_.size()) * (kBoxWidth + kGap) + kMargin;
    // A box across lines needs room below the last of them only if nothing hangs there.
    height_ = y;
  }

  void text(int x, int y, std::string_view style, std::string_view words, std::string_view anchor = "start") {
    out_ += fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n", x, y, style,
                        anchor, escaped(words));
  }

  void wire(int x, int from, int to) {
    out_ += fmt::format("<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\" class=\"wire\"/>\n", x, from, to);
  }

  void box(const GraphBox& box, int x, int y) {
    const auto* kind = box.router ? "box router" : "box";
    const auto* health = box.ill ? " ill" : "";
    // Many machines look like a pile of sheets.
    if (box.nodes > 1)
      for (const int shift : {8, 4}) out_ += rectangle(x + shift, y + shift, kind);
    out_ += rectangle(x, y, std::string(kind) + health);
    // Two services side by side are as much as a box is wide.
    constexpr std::size_t kPerLine = 2;
    std::vector<std::string> below;
    for (std::size_t i = 0; i < box.services.size(); ++i) {
      if (i % kPerLine == 0) below.emplace_back();
      below.back() += (i % kPerLine == 0 ? "" : "  ·  ") + box.services[i];
    }
    if (box.router && below.empty()) below.emplace_back("router");
    const int middle = x + kBoxWidth / 2;
    int baseline = y + kBoxHeight / 2 + 5 - static_cast<int>(below.size()) * 9;
    text(middle, baseline, "name", box.title, "middle");
    for (const auto& words : below) text(middle, baseline += 18, "small", words, "middle");
  }

  static std::string rectangle(int x, int y, std::string_view style) {
    return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\" class=\"{}\"/>\n", x, y,
                       kBoxWidth, kBoxHeight, style);
  }

  void line(const Placed& placed) {
    out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"line\"/>\n",
                        kMargin - kGap / 2 - 4, placed.y, width_ - kMargin, placed.y);
    text(kMargin, placed.y - 10, "name", placed.network->label);
    for (std::size_t i = 0; i < placed.boxes.size(); ++i) {
      const int column = static_cast<int>(i) % kPerRow, row = static_cast<int>(i) / kPerRow;
      const int x = kMargin + column * (kBoxWidth + kGap);
      const int top = placed.y + kLineToBox + row * (kLineToBox + kBoxHeight);
      // Rows after the first hang from the gap beside the boxes above them.
      const int wire_x = row == 0 ? x + kBoxWidth / 2 : x - kGap / 2;
      wire(wire_x, placed.y, row == 0 ? top : top + kBoxHeight / 2);
      if (row > 0)
        out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"wire\"/>\n", wire_x,
                            top + kBoxHeight / 2, x, top + kBoxHeight / 2);
      text(row == 0 ? wire_x + 6 : x + 4, top - 12, "small", placed.boxes[i]->addresses.front());
      box(*placed.boxes[i], x, top);
    }
  }

  void crossing(const GraphBox& node, int x) {
    std::vector<std::pair<int, std::string>> joins;
    for (std::size_t i = 0; i < node.networks.size(); ++i)
      for (const auto& placed : lines_)
        if (placed.network->name == node.networks[i]) joins.emplace_back(placed.y, node.addresses[i]);
    if (joins.empty()) return;
    std::ranges::sort(joins);
    const int middle = x + kBoxWidth / 2;
    const int top = joins.front().first + kLineToBox;
    wire(middle, joins.front().first, std::max(joins.back().first, top));
    for (const auto& [y, address] : joins) {
      out_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"6\" class=\"joint\"/>\n", middle, y);
      text(middle + 8, y == joins.front().first ? y + 20 : y - 10, "small", address);
    }
    box(node, x, top);
  }

  const GraphModel& model_;
  std::vector<const GraphBox*> hanging_, crossing_;
  std::vector<Placed> lines_;
  int columns_ = 0, width_ = 0, height_ = 0;
  std::string out_;
};

}  // namespace

std::string graph_svg(const GraphModel& model) { return Drawing(model).svg(); }

}  // namespace lab::teaching
