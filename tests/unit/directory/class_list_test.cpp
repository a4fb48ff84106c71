#include "directory/class_list.hpp"

#include <gmock/gmock.h>

#include <fmt/format.h>

namespace lab::directory {
namespace {

/// The list as "uid|name|groups" lines, or the mistake.
std::string read(std::string_view text) {
  auto pupils = parse_class_list("class.csv", text);
  std::string out;
  if (!pupils) {
    for (auto& mistake : pupils.error()) out += (out.empty() ? "" : "\n") + mistake.text();
    return out;
  }
  for (auto& p : *pupils)
    out += fmt::format("{}|{}|{}\n", p.uid.empty() ? login_name(p.name) : p.uid, p.name,
                       fmt::join(p.groups, ","));
  return out;
}

TEST(ClassList, NamesAndGroupsAreEnough) {
  EXPECT_EQ(read("name,group\nAwa Ouédraogo,class-a\nAli Traoré,class-b\n"),
            "awa.ouedraogo|Awa Ouédraogo|class-a\nali.traore|Ali Traoré|class-b\n");
  EXPECT_EQ(read("Awa Ouédraogo,class a"), "awa.ouedraogo|Awa Ouédraogo|class-a\n");
}

TEST(ClassList, AFrenchSpreadsheetReadsAsItComes) {
  EXPECT_EQ(read("\xef\xbb\xbfNom;Prénom;Classe\r\nOUÉDRAOGO;Awa;3e B\r\n;;\r\nN'Diaye;Léa-Marie;3e B\r\n"),
            "awa.ouedraogo|Awa OUÉDRAOGO|3e-B\nlea.marie.ndiaye|Léa-Marie N'Diaye|3e-B\n");
}

TEST(ClassList, QuotedCellsHoldSeparatorsAndQuotes) {
  EXPECT_EQ(read("name,login,groups\n\"Traoré, Ali \"\"Al\"\"\",ali,\"a, b\"\n"),
            "ali|Traoré, Ali \"Al\"|a,b\n");
}

TEST(ClassList, AMistakeNamesItsLine) {
  EXPECT_EQ(read("name,group\nAli,a\n,b\n"), "class.csv:3: a line without a name");
  EXPECT_EQ(read("name\n\"Ali\nAwa\n"), "class.csv:2: a quote is not closed");
  EXPECT_EQ(read(""), "class.csv: the list is empty");
  EXPECT_EQ(read("name\n王\n"), "class.csv:2: no login name can be made of '王'; add a column 'login'");
}

TEST(ClassList, EveryMistakeIsToldAtOnce) {
  EXPECT_EQ(read("name,login,group,mail\nAli,ali,a,\nAwa,ali,a,\nEric,e(r)ic,a,\nFati,,a,fa ti\nIssa,issa,a\"b,\n"),
            "class.csv:3: the login 'ali' is also in line 2\n"
            "class.csv:4: the login 'e(r)ic' has '(': letters, digits, '.', '_' and '-' only\n"
            "class.csv:5: the address 'fa ti' has a character no plain address has: ' '\n"
            "class.csv:6: the group 'a\"b' has '\"': letters, digits, '.', '_' and '-' only");
  EXPECT_EQ(read("name,group\nAli,a,b\n"),
            "class.csv:2: 3 cells where there are 2 columns; put quotes around a cell that holds the separator");
  EXPECT_EQ(read("name\nAli\x01\n"), "class.csv:2: a control character nobody can type");
  EXPECT_EQ(read("\xff\xfeN"), "class.csv: the list is UTF-16; save it as 'CSV UTF-8'");
}

TEST(ClassList, AnOldSpreadsheetsLettersAreRead) {
  EXPECT_EQ(read("Nom;Pr\xe9nom;Classe\nOu\xe9"
                 "draogo;L\xe9"
                 "a;Premi\xe8re S\n"),
            "lea.ouedraogo|Léa Ouédraogo|premiere-s\n");
}

TEST(ClassList, ALoginNameIsPlainAndShort) {
  EXPECT_EQ(login_name("Œdipe Müller-Straße"), "oedipe.muller.strasse");
  EXPECT_EQ(login_name("  Ali   B.  "), "ali.b");
  EXPECT_EQ(login_name("Łukasz Ðuro Ñandú"), "lukasz.duro.nandu");
  EXPECT_LE(login_name(std::string(100, 'a') + " b").size(), 32U);
  EXPECT_EQ(login_name(std::string("\xc3", 1)), "");
}

TEST(ClassList, AMadeUpPasswordCanBeReadAloud) {
  EXPECT_EQ(readable_password([](std::uint32_t) { return 0U; }), "bababa-0000");
  EXPECT_EQ(readable_password([](std::uint32_t n) { return n - 1; }), "zuzuzu-9999");
}

}  // namespace
}  // namespace lab::directory
