"""Files as the Department for Education publishes its register: made here, never real."""

import csv
import io

from support import confidential

COLUMNS = ["URN", "LA (code)", "LA (name)", "EstablishmentNumber", "EstablishmentName",
           "TypeOfEstablishment (name)", "EstablishmentStatus (name)", "OpenDate", "CloseDate",
           "PhaseOfEducation (name)", "StatutoryLowAge", "StatutoryHighAge", "Gender (name)",
           "ReligiousCharacter (name)", "UKPRN", "Street", "Locality", "Address3", "Town",
           "County (name)", "Postcode", "SchoolWebsite", "TelephoneNum", "GOR (name)",
           "Country (name)", "HeadTitle (name)", "HeadFirstName", "HeadLastName",
           "HeadPreferredJobTitle", "PropsName"]


def row(make, **values):
    number = make.number()
    return {"URN": make.urn(), "LA (code)": "201", "LA (name)": "City of London",
            "EstablishmentNumber": "3614", "EstablishmentName": f"Register Café {number}",
            "TypeOfEstablishment (name)": "Voluntary Aided School",
            "EstablishmentStatus (name)": "Open", "OpenDate": "01-09-1990",
            "PhaseOfEducation (name)": "Primary", "StatutoryLowAge": "3", "StatutoryHighAge": "11",
            "Gender (name)": "Mixed", "Street": "Mitre Street", "Town": "London",
            "Postcode": "ec3a5de", "SchoolWebsite": "www.school.example",
            "TelephoneNum": "2071234567", "GOR (name)": "London", "HeadTitle (name)": "Dr",
            "HeadFirstName": confidential.note(f"Headfirst{number}"),
            "HeadLastName": confidential.note(f"Headlast{number}"), **values}


def file_of(rows, columns=None, encoding="cp1252", newline="\r\n"):
    columns = columns or COLUMNS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=newline)
    writer.writerow(columns)
    writer.writerows([r.get(name, "") for name in columns] for r in rows)
    return text.getvalue().encode(encoding)
