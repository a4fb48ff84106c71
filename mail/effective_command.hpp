/// effective_command -- `lab-maild user effective NAME...`: the rules the mail server follows for people, and
/// whose they are, asked of their directory as at a log-in. `labctl users --effective` runs it where the
/// directory is not the lab's own.
#pragma once

namespace lab::mail {

bool is_effective_command(int argc, const char* const* argv);
/// 0 done, 1 failed, 2 wrong usage or configuration.
int effective_main(int argc, char** argv);

}  // namespace lab::mail
