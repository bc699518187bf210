"""The public form, filled in and sent. Knows no expectation."""

from support import confidential, consents
from support.client import Client

PATH = "/v1/enquiries"


def body(make, marketing=False, **members):
    """A form as somebody fills it in."""
    number = make.number()
    wordings = consents.in_force(make.client)
    return {"name": confidential.note(f"Enquirer Testperson{number}"),
            "email": confidential.note(f"enquirer{number}@example.org"),
            "telephone": confidential.note(f"020 796{number:08d}"),
            "school_name": f"Enquiring School {number}",
            "message": confidential.note(f"How do we apply? {number}"),
            "contact_consent": True,
            "contact_wording_id": wordings["contact"]["wording_id"],
            "marketing_consent": marketing,
            "marketing_wording_id": wordings["marketing"]["wording_id"], **members}


def find(head, response):
    """What came of an answer, which does not say: head office looks into the audit log."""
    since = head.get("/v1/audit-records?operation=create_enquiry&resource=enquiry&sort=-at&limit=200")
    record, = (r for r in since.json["items"]
               if r["request_id"] == response.header("X-Request-Id"))
    return head.get(f"{PATH}/{record['resource_id']}").json


def send(make, marketing=False, client=None, **members):
    """The enquiry that came of a form."""
    anyone = client or Client(make.client.port)
    response = anyone.post(PATH, body(make, marketing, **members))
    assert response.status == 202, response
    return find(make.client, response)
