"""Who may do what: the table that every operation of the contract is held to.

A row is an operation, a column a caller, and a cell says what comes of it on the caller's own
record, on one of another school in the same cluster, and on one of a foreign cluster (world.py);
one word stands for all three. A number is the status; `in` and `out` say whether a list has it.
403 means that the record or the operation is not theirs, 404 that they may not know of it.

For the ambassador of a cluster `own` and `same` are alike but for people, accounts and ambassadors:
there `own` is themselves, and the ambassador of `same` is the one who led this cluster before. The
people of `same` and `foreign` are those schools'. Requests about personal data are the coordinator's
in `own` and the ambassador's in `same`.
"""

import re

ROLES = ("head_office", "ambassador", "school", "client", "anonymous")

TABLE = """
operation                     head_office  ambassador   school       client       anonymous

list_schools                  in           in in out    in in out    in           401
create_school                 201          403          403          403          401
get_school                    200          200 200 404  200 200 404  200          401
put_school                    200          403          403          403          401
patch_school                  200          403          200 403 404  403          401
delete_school                 204          403          403          403          401
list_school_history           200          403          403          403          401

list_clusters                 in           in in out    in in out    in           401
create_cluster                201          403          403          403          401
get_cluster                   200          200 200 404  200 200 404  200          401
put_cluster                   200          403          403          403          401
patch_cluster                 200          200 200 404  403          403          401
delete_cluster                204          403          403          403          401
list_cluster_history          200          403          403          403          401

list_people                   in           in in out    in out out   403          401
create_person                 201          403          201 403 403  403          401
get_person                    200          200 200 404  200 404 404  403          401
put_person                    200          403          403          403          401
patch_person                  200          200 403 404  200 404 404  403          401
delete_person                 204          403          204 404 404  403          401
list_person_history           200          403          403          403          401

list_ambassadors              in           in out out   in out out   in           401
create_ambassador             201          403          403          403          401
get_ambassador                200          200 404 404  200 404 404  200          401
put_ambassador                200          403          403          403          401
patch_ambassador              200          403          403          403          401
delete_ambassador             204          403          403          403          401
list_ambassador_history       200          403          403          403          401

list_assignments              in           in in out    in in out    in           401
create_assignment             201          403          403          403          401
get_assignment                200          200 200 404  200 200 404  200          401
put_assignment                200          403          403          403          401
patch_assignment              200          403          403          403          401
delete_assignment             204          403          403          403          401
list_assignment_history       200          403          403          403          401

list_successions              in           in in out    in in out    in           401
create_succession             201          403          403          403          401
get_succession                200          200 200 404  200 200 404  200          401
put_succession                200          403          403          403          401
patch_succession              200          403          403          403          401
delete_succession             204          403          403          403          401
list_succession_history       200          403          403          403          401

list_term_dates               in           in           in           in           401
create_term_dates             201          403          403          403          401
get_term_dates                200          200          200          200          401
put_term_dates                200          403          403          403          401
patch_term_dates              200          403          403          403          401
delete_term_dates             204          403          403          403          401
list_term_dates_history       200          403          403          403          401

list_meetings                 in           in in out    in in out    in           401
create_meeting                201          201 201 403  201 403 403  403          401
get_meeting                   200          200 200 404  200 200 404  200          401
put_meeting                   200          403          403          403          401
patch_meeting                 200          200 200 404  200 403 404  403          401
delete_meeting                204          204 204 404  204 403 404  403          401
list_meeting_history          200          403          403          403          401

list_attendances              in           in in out    in out out   in           401
create_attendance             201          201 201 403  201 403 403  403          401
get_attendance                200          200 200 404  200 404 404  200          401
put_attendance                200          403          403          403          401
patch_attendance              200          200 200 404  200 404 404  403          401
delete_attendance             204          204 204 404  403          403          401
list_attendance_history       200          403          403          403          401
get_meeting_grid              200          200 200 404  200 403 404  200          401

get_school_standing           200          200 200 404  200 403 404  200          401
get_review_document           200          200 200 404  200 403 404  200          401
get_review_document_page      200          200 200 404  200 403 404  200          401
get_cluster_standing          200          200 200 404  403          200          401
get_programme_report          200          403          403          403          401
get_processing_record         200          403          403          403          401
get_processing_record_page    200          403          403          403          401

list_frameworks               in           in           in           in           401
create_framework              201          403          403          403          401
get_framework                 200          200          200          200          401
put_framework                 200          403          403          403          401
patch_framework               200          403          403          403          401
delete_framework              204          403          403          403          401
list_framework_history        200          403          403          403          401

list_contributions            in           in in out    in in out    in           401
create_contribution           201          403          201 403 403  403          401
get_contribution              200          200 200 404  200 200 404  200          401
put_contribution              200          403          200 403 404  403          401
patch_contribution            200          403          200 403 404  403          401
delete_contribution           204          403          204 403 404  403          401
list_contribution_history     200          403          403          403          401
search_contributions          200          200          200          200          401

list_evidence                 in           in in out    in in out    in           401
create_evidence               201          201 201 403  201 403 403  403          401
get_evidence                  200          200 200 404  200 200 404  200          401
put_evidence                  200          200 200 404  200 403 404  403          401
patch_evidence                200          200 200 404  200 403 404  403          401
delete_evidence               204          204 204 404  204 403 404  403          401
list_evidence_history         200          403          403          403          401
get_evidence_file             200          200 200 404  200 200 404  200          401
put_evidence_file             201          201 201 404  201 403 404  403          401

list_awards                   in           in in out    in out out   in           401
create_award                  201          403          201 403 403  403          401
get_award                     200          200 200 404  200 404 404  200          401
put_award                     200          403          403          403          401
patch_award                   200          403          403          403          401
delete_award                  204          403          403          403          401
list_award_history            200          403          403          403          401
assess_award                  200          403          403          403          401
grant_award                   200          403          403          403          401
renew_award                   200          403          403          403          401
defer_award                   200          403          403          403          401
reinstate_award               200          403          403          403          401
lapse_award                   200          403          403          403          401
withdraw_award                200          403          200 404 404  403          401

list_reviews                  in           in in out    in out out   in           401
create_review                 201          201 201 422  403          403          401
get_review                    200          200 200 404  200 404 404  200          401
put_review                    200          403          403          403          401
patch_review                  200          200 200 404  403          403          401
delete_review                 204          204 204 404  403          403          401
list_review_history           200          403          403          403          401
visit_review                  200          200 200 404  403          403          401
report_review                 200          200 200 404  403          403          401
return_review                 200          403          403          403          401
sign_off_review               200          403          403          403          401

list_plans                    in           in in out    in out out   in           401
create_plan                   201          403          201 422 422  403          401
get_plan                      200          200 200 404  200 404 404  200          401
put_plan                      200          403          403          403          401
patch_plan                    200          403          200 404 404  403          401
delete_plan                   204          403          204 404 404  403          401
list_plan_history             200          403          403          403          401
submit_plan                   200          403          200 404 404  403          401
return_plan                   200          200 200 404  403          403          401
agree_plan                    200          200 200 404  403          403          401
review_plan                   200          200 200 404  403          403          401

list_projects                 in           in in out    in out out   in           401
create_project                201          403          201 422 422  403          401
get_project                   200          200 200 404  200 404 404  200          401
put_project                   200          403          403          403          401
patch_project                 200          403          200 404 404  403          401
delete_project                204          403          204 404 404  403          401
list_project_history          200          403          403          403          401
submit_project                200          403          200 404 404  403          401
return_project                200          200 200 404  403          403          401
agree_project                 200          200 200 404  403          403          401
complete_project              200          200 200 404  403          403          401

list_project_updates          in           in in out    in out out   in           401
create_project_update         201          403          201 422 422  403          401
get_project_update            200          200 200 404  200 404 404  200          401
put_project_update            200          403          403          403          401
patch_project_update          200          403          200 404 404  403          401
delete_project_update         204          403          204 404 404  403          401
list_project_update_history   200          403          403          403          401
submit_project_update         200          403          200 404 404  403          401
return_project_update         200          200 200 404  403          403          401

list_bank_holidays            in           in           in           in           401
create_bank_holiday           201          403          403          403          401
get_bank_holiday              200          200          200          200          401
put_bank_holiday              200          403          403          403          401
patch_bank_holiday            200          403          403          403          401
delete_bank_holiday           204          403          403          403          401
list_bank_holiday_history     200          403          403          403          401

list_webhook_endpoints        in           403          403          403          401
create_webhook_endpoint       201          403          403          403          401
get_webhook_endpoint          200          403          403          403          401
put_webhook_endpoint          200          403          403          403          401
patch_webhook_endpoint        200          403          403          403          401
delete_webhook_endpoint       204          403          403          403          401
list_webhook_endpoint_history
                              200          403          403          403          401
get_webhook_secret            200          403          403          403          401
rotate_webhook_secret         200          403          403          403          401
test_webhook_endpoint         201          403          403          403          401
list_webhook_deliveries       in           403          403          403          401
get_webhook_delivery          200          403          403          403          401
replay_webhook_delivery       200          403          403          403          401

list_legal_holds              in           403          403          403          401
create_legal_hold             201          403          403          403          401
get_legal_hold                200          403          403          403          401
put_legal_hold                200          403          403          403          401
patch_legal_hold              200          403          403          403          401
delete_legal_hold             204          403          403          403          401
list_legal_hold_history       200          403          403          403          401

list_privacy_requests         in           out in out   in out out   403          401
create_privacy_request        201          403 201 403  201 403 403  403          401
get_privacy_request           200          404 200 404  200 404 404  403          401
acknowledge_privacy_request   200          403          403          403          401
pause_privacy_request         200          403          403          403          401
resume_privacy_request        200          403          403          403          401
extend_privacy_request        200          403          403          403          401
complete_privacy_request      200          403          403          403          401
refuse_privacy_request        200          403          403          403          401
withdraw_privacy_request      200          404 200 404  200 404 404  403          401
create_request_verification   202          202          202          202          202
confirm_request_verification  422          422          422          422          422

list_accounts                 in           403          403          403          401
create_account                201          403          403          403          401
get_account                   200          403          403          403          401
put_account                   200          403          403          403          401
patch_account                 200          403          403          403          401
delete_account                204          403          403          403          401
list_account_history          200          403          403          403          401
create_account_link           201          403          403          403          401

list_clients                  in           403          403          403          401
create_client                 201          403          403          403          401
get_client                    200          403          403          403          401
put_client                    200          403          403          403          401
patch_client                  200          403          403          403          401
delete_client                 204          403          403          403          401
list_client_history           200          403          403          403          401
create_client_secret          201          403          403          403          401

get_me                        200          200          200          403          401
pull_changes                  403          200          200          403          401
listen_to_changes             403          200          200          403          401
push_changes                  403          200          200          403          401
change_password               204          204          204          403          401
list_sessions                 200          200          200          403          401
revoke_session                204 404 404  204 404 404  204 404 404  403          401
revoke_sessions               204          204          204          403          401
list_calendar_feeds           200          200          200          403          401
create_calendar_feed          201          201 201 422  201 201 422  403          401
revoke_calendar_feed          204 404 404  204 404 404  204 404 404  403          401
get_calendar                  200          200          200          200          200
get_password_page             200          200          200          200          200
post_password_page            200          200          200          200          200

list_consent_wordings         in           403          403          403          401
create_consent_wording        201          403          403          403          401
get_consent_wording           200          403          403          403          401
list_consent_records          in           in out out   in out out   403          401
create_consent_record         201          201 403 403  201 403 403  403          401
get_consent_record            200          200 404 404  200 404 404  403          401
get_personal_data             200          200 404 404  200 404 404  403          401
get_erasure_preview           200          403          403          403          401
erase_person                  201          403          403          403          401
list_erasures                 in           403          403          403          401
get_erasure                   200          403          403          403          401
get_erasure_certificate       200          200          200          200          200
list_retention_sweeps         in           403          403          403          401
get_signing_keys              200          200          200          200          200
get_consent_state             200          200 404 404  200 404 404  403          401
get_consent_withdrawal_page   200          200          200          200          200
withdraw_consent              200          200          200          200          200
get_mailing_list              200          403          403          403          401

get_enquiry_form              200          200          200          200          200
create_enquiry                202          202          202          202          202
list_enquiries                in           403          403          403          401
get_enquiry                   200          403          403          403          401
patch_enquiry                 200          403          403          403          401
delete_enquiry                204          403          403          403          401

list_audit_records            in           403          403          403          401

list_directory                200          200          200          200          200
list_public_contributions     200          200          200          200          200

list_programme_downloads      in           403          403          403          401
create_programme_download     202          403          403          403          401
get_programme_download        200          403          403          403          401
delete_programme_download     204          403          403          403          401
get_programme_download_file   200          403          403          403          401

list_register_imports         in           403          403          403          401
create_register_import        202          403          403          403          401
get_register_import           200          403          403          403          401

get_authorization             200          200          200          200          200
post_authorization            303          303          303          303          303
create_token                  200          200          200          200          200
revoke_token                  200          200          200          200          200
introspect_token              200          200          200          200          200
get_authorization_server_metadata
                              200          200          200          200          200

get_openapi_json              200          200          200          200          200
get_openapi_yaml              200          200          200          200          200
get_root                      303          303          303          303          303
get_reference_page            200          200          200          200          200
get_reference_signed_in_page  200          200          200          200          200
get_guides_page               200          200          200          200          200
get_guide_page                200          200          200          200          200
get_reference_asset           200          200          200          200          200
get_problem_types_page        200          200          200          200          200
get_problem_type_page         200          200          200          200          200
get_healthz                   200          200          200          200          200
get_readyz                    200          200          200          200          200
"""

# Of records they may change, which members who is not head office may set. All others: 403
# member_forbidden. A resource that is not named here has no such members.
MEMBERS = {
    ("school", "school"): {"telephone", "website"},
    ("cluster", "ambassador"): {"notes"},
    ("person", "ambassador"): {"telephone"},
    ("person", "school"): {"name", "telephone", "school_id", "job_title"},
    ("attendance", "ambassador"): {"meeting_id", "school_id", "status"},
    ("attendance", "school"): {"impact"},
}


def _cell(text):
    words = text.split()
    return words * 3 if len(words) == 1 else words


def _rows():
    """{operation: {role: [own, same, foreign]}}"""
    table = re.sub(r"(?m)^(\w+)\n +", r"\1  ", TABLE)  # a long name stands alone
    head, *lines = [re.split(r" {2,}", line) for line in table.split("\n") if line]
    assert tuple(head[1:]) == ROLES
    rows = {name: dict(zip(ROLES, map(_cell, cells), strict=True)) for name, *cells in lines}
    assert len(rows) == len(lines), "an operation stands there twice"
    return rows


ROWS = _rows()
