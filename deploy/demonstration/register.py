"""Sixty invented schools, and one that became an academy, as a register file in the shape of the
Department for Education's. The numbers of schools are those of the stories."""
import csv
import io
import random

SOURCE = random.Random(20260901)
FIRST_URN = 199000
# The school that became an academy, by its number, and what it became.
OLD, HEIR = 20, 60

# The register's columns, in its order.
COLUMNS = """URN|LA (code)|LA (name)|EstablishmentNumber|EstablishmentName|TypeOfEstablishment (code)
TypeOfEstablishment (name)|EstablishmentTypeGroup (code)|EstablishmentTypeGroup (name)
EstablishmentStatus (code)|EstablishmentStatus (name)|ReasonEstablishmentOpened (code)
ReasonEstablishmentOpened (name)|OpenDate|ReasonEstablishmentClosed (code)
ReasonEstablishmentClosed (name)|CloseDate|PhaseOfEducation (code)|PhaseOfEducation (name)
StatutoryLowAge|StatutoryHighAge|Boarders (code)|Boarders (name)|NurseryProvision (name)
OfficialSixthForm (code)|OfficialSixthForm (name)|Gender (code)|Gender (name)
ReligiousCharacter (code)|ReligiousCharacter (name)|ReligiousEthos (name)|Diocese (code)
Diocese (name)|AdmissionsPolicy (code)|AdmissionsPolicy (name)|SchoolCapacity
SpecialClasses (code)|SpecialClasses (name)|CensusDate|NumberOfPupils|NumberOfBoys|NumberOfGirls
PercentageFSM|TrustSchoolFlag (code)|TrustSchoolFlag (name)|Trusts (code)|Trusts (name)
SchoolSponsorFlag (name)|SchoolSponsors (name)|FederationFlag (name)|Federations (code)
Federations (name)|UKPRN|FEHEIdentifier|FurtherEducationType (name)|OfstedLastInsp
OfstedSpecialMeasures (code)|OfstedSpecialMeasures (name)|LastChangedDate|Street|Locality|Address3
Town|County (name)|Postcode|SchoolWebsite|TelephoneNum|HeadTitle (name)|HeadFirstName|HeadLastName
HeadPreferredJobTitle|BSOInspectorateName (name)|InspectorateReport|DateOfLastInspectionVisit
NextInspectionVisit|TeenMoth (name)|TeenMothPlaces|CCF (name)|SENPRU (name)|EBD (name)|PlacesPRU
FTProv (name)|EdByOther (name)|Section41Approved (name)|SEN1 (name)|SEN2 (name)|SEN3 (name)
SEN4 (name)|SEN5 (name)|SEN6 (name)|SEN7 (name)|SEN8 (name)|SEN9 (name)|SEN10 (name)|SEN11 (name)
SEN12 (name)|SEN13 (name)|TypeOfResourcedProvision (name)|ResourcedProvisionOnRoll
ResourcedProvisionCapacity|SenUnitOnRoll|SenUnitCapacity|GOR (code)|GOR (name)
DistrictAdministrative (code)|DistrictAdministrative (name)|AdministrativeWard (code)
AdministrativeWard (name)|ParliamentaryConstituency (code)|ParliamentaryConstituency (name)
UrbanRural (code)|UrbanRural (name)|GSSLACode (name)|Easting|Northing|MSOA (name)|LSOA (name)
InspectorateName (name)|SENStat|SENNoStat|BoardingEstablishment (name)|PropsName
PreviousLA (code)|PreviousLA (name)|PreviousEstablishmentNumber|OfstedRating (name)
RSCRegion (name)|Country (name)|UPRN|SiteName|QABName (code)|QABName (name)
EstablishmentAccredited (code)|EstablishmentAccredited (name)|QABReport|CHNumber|MSOA (code)
LSOA (code)|FSM|AccreditationExpiryDate""".replace("\n", "|").split("|")

# Region, its code in the register, two of its authorities, a postcode area, an invented cluster.
REGIONS = [
    ("North East", "A", [("805", "Hartlepool"), ("840", "County Durham")], "DH", "Tees and Wear"),
    ("North West", "B", [("350", "Bolton"), ("888", "Lancashire")], "BL", "Pennine West"),
    ("West Midlands", "F", [("330", "Birmingham"), ("885", "Worcestershire")], "WR", "Three Spires"),
    ("East of England", "G", [("873", "Cambridgeshire"), ("926", "Norfolk")], "NR", "Fen and Broad"),
    ("London", "H", [("208", "Lambeth"), ("316", "Newham")], "SE", "Thames Bridges"),
    ("South West", "K", [("908", "Cornwall"), ("878", "Devon")], "TR", "Two Moors"),
]
TOWNS = ["Ambleford", "Brackenmouth", "Cawsby", "Dunmere Cross", "Eastwick Hollow", "Fernley Bridge"]
STREETS = ["Orchard Lane", "Mill Street", "Chapel Rise", "Station Road", "Meadow View", "Well Hill"]
TREES = ["Alder", "Birch", "Cedar", "Damson", "Elder", "Fir", "Hazel", "Juniper", "Larch", "Medlar"]
# Phase and its code, type and its code, ages, what follows the tree in the name.
KINDS = [
    ("Primary", "2", "Community school", "01", 3, 11, "Bank Primary School"),
    ("Primary", "2", "Academy converter", "34", 4, 11, "Grove Academy"),
    ("Secondary", "4", "Academy sponsor led", "28", 11, 18, "Park High School"),
    ("All-through", "7", "Community special school", "07", 5, 19, "House School"),
    ("Nursery", "1", "Local authority nursery school", "15", 2, 5, "Tree Nursery School"),
]
def school_row(region, authority, index):
    """One school of the register; every name, number and address in it is invented."""
    name, code, _, area, _ = REGIONS[region]
    phase, phase_code, kind, kind_code, low, high, ending = KINDS[index % len(KINDS)]
    number = region * 10 + index
    tree = TREES[index]
    town = TOWNS[region]
    row = dict.fromkeys(COLUMNS, "")
    row.update({
        "URN": str(FIRST_URN + number), "LA (code)": authority[0], "LA (name)": authority[1],
        "EstablishmentNumber": str(9000 + number), "EstablishmentName": f"{town} {tree} {ending}",
        "TypeOfEstablishment (code)": kind_code, "TypeOfEstablishment (name)": kind,
        "EstablishmentStatus (code)": "1", "EstablishmentStatus (name)": "Open",
        "PhaseOfEducation (code)": phase_code, "PhaseOfEducation (name)": phase,
        "StatutoryLowAge": str(low), "StatutoryHighAge": str(high),
        "Gender (code)": "3", "Gender (name)": "Mixed",
        "ReligiousCharacter (code)": "00", "ReligiousCharacter (name)": "Does not apply",
        "OpenDate": f"01-09-{SOURCE.randint(1970, 2019)}", "UKPRN": str(10099000 + number),
        "LastChangedDate": "01-09-2025", "Street": f"{SOURCE.randint(1, 90)} {STREETS[index % 6]}",
        "Town": town, "Postcode": f"{area}{region + 1} {index}ZZ",
        "SchoolWebsite": f"https://{tree.lower()}.{town.lower().replace(' ', '-')}.example.org",
        "TelephoneNum": f"01632960{number:03d}", "GOR (code)": code, "GOR (name)": name,
        "Country (name)": "",
    })
    return row


def academy(rows, year):
    """One school closed and opened as an academy, which the register knows as two."""
    old = rows[OLD]
    heir = {**old, "URN": str(FIRST_URN + HEIR), "UKPRN": str(10099000 + HEIR),
            "EstablishmentNumber": str(9000 + HEIR),
            "EstablishmentName": old["EstablishmentName"].replace("Primary School", "Primary Academy"),
            "TypeOfEstablishment (code)": "34", "TypeOfEstablishment (name)": "Academy converter",
            "OpenDate": f"01-09-{year}"}
    old.update({"EstablishmentStatus (code)": "2", "EstablishmentStatus (name)": "Closed",
                "CloseDate": f"31-08-{year}", "ReasonEstablishmentClosed (code)": "10",
                "ReasonEstablishmentClosed (name)": "Academy Converter"})
    rows.append(heir)


def register_file(academy_since):
    """The register as the Department publishes it: Windows-1252, CRLF, every text quoted."""
    rows = [school_row(region, authorities[index % 2], index)
            for region, (_, _, authorities, _, _) in enumerate(REGIONS) for index in range(10)]
    academy(rows, academy_since)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("cp1252"), len(rows)
