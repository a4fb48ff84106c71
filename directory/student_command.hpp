/// student_command -- `lab-directory whoami|search|passwd`: the directory as a person of it sees it, over the
/// network with StartTLS or LDAPS, the certificate verified. Finds the server by the domain's SRV records
/// (RFC 2782). The password is asked for without echo, or read from standard input. Speaks English and French.
#pragma once

namespace lab::directory {

/// Whether the command line asks for one of these.
bool is_student_command(int argc, const char* const* argv);
/// 0 done; 1 refused or not reached; 2 wrong usage.
int student_main(int argc, char** argv);

}  // namespace lab::directory
