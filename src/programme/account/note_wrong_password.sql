SELECT note_sign_in(:account::uuid, :client::uuid, 'failed', :request_id, 'change_password')
