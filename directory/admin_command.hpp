/// admin_command -- `lab-directory user|group|import|export …`: a teacher's hand on the running directory.
/// Prints for people; exit status 0 done, 1 failed, 2 wrong usage.
#pragma once

namespace lab::directory {

/// Whether the command line asks for one of these instead of the server.
bool is_admin_command(int argc, const char* const* argv);
int admin_main(int argc, char** argv);

}  // namespace lab::directory
