# Those who read mail, and what a message is.
set(here ${CMAKE_CURRENT_LIST_DIR})
lab_fuzz(mail_imap_command SOURCE ${here}/imap_command.cpp CORPUS ${here}/imap_command_corpus LINK lab_mail_imap_core)
lab_fuzz(mail_message SOURCE ${here}/message.cpp CORPUS ${here}/message_corpus LINK lab_mail_message)
lab_fuzz(mail_pop3_command SOURCE ${here}/pop3_command.cpp CORPUS ${here}/pop3_command_corpus LINK lab_mail_pop3_core)
