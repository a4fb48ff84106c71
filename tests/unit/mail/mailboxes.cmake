# The mailboxes and those who read them: store_*, imap_*, pop3_*.
lab_unit_test(mail_store_test SOURCES store_test.cpp LINK lab_mail_store)
lab_unit_test(mail_imap_session_test ASIO SOURCES imap_session_test.cpp pop3_session_test.cpp LINK lab_mail)
lab_unit_test(mail_imap_parse_test SOURCES imap_parse_test.cpp LINK lab_mail_imap_core)
