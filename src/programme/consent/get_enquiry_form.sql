SELECT read_enquiry_form()
