"""What people wrote in the invented programme. Must name no real person or school, and no pupil."""
from typing import NamedTuple


class Theme(NamedTuple):
    """What schools work on, and what they wrote of it: in a target, later in its review, and where they
    share it."""
    about: str
    target: str
    reference: str  # in the School Development Plan
    steps: str
    measure: str
    progress: str
    impact: str
    practice: str
    change: str


FIRST_NAMES = """Adaeze Bryn Carys Dilys Ewan Farida Gethin Hamza Imogen Jasper Keziah Lowri Mairi Nadia
Osian Priya Rhona Samir Tamsin Ursula Vikram Winnie Yusuf Zofia""".split()
LAST_NAMES = """Applethwaite Brindlemoor Copperwhistle Dewberrow Eldermarsh Fennimist Gorsewick
Hollowbrook Inglethorn Jackdawson Kestrelby Lanternhow Mossington Nettlefold-Gray Otterbourne-Hill
Puddlecombe Quillfeather Rushymere Saltmarshe-Lowe Thistlegate Umberleaf Violetstow Willowdrake
Yarrowfen""".split()
JOBS = ["Head of Inclusion", "Special Educational Needs Coordinator", "Deputy Headteacher",
        "Family Support Lead", "Phase Leader", "Lead Learning Mentor", "Research Lead"]

THEMES = [Theme(*theme) for theme in [
    ("sensory-friendly classrooms", "Make every classroom a calm place",
     "Priority 2: Quality of environment",
     "Audit light, noise and displays in each room; agree a standard; change three rooms a term.",
     "Every room meets the standard, and learners say that they can concentrate.",
     "Eight rooms are done; the standard now stands in the staff handbook.",
     "Fewer lessons are interrupted, and the calm rooms are asked for by name.",
     "Muted colours, a quiet corner and headphones for whoever wants them.",
     "Learners who used to leave the room now stay to the end."),
    ("emotional literacy", "Give every class words for feelings", "Priority 1: Personal development",
     "Train two emotional literacy assistants; begin each day with a check-in.",
     "All classes check in daily; the survey of well-being rises by ten points.",
     "Both assistants are trained, and check-ins have begun in all year groups.",
     "Conflicts at break are settled by learners themselves more often than not.",
     "A daily check-in with colour cards and a shared vocabulary.",
     "Adults hear of worries in the morning rather than after lunch."),
    ("partnership with parents and carers", "Plan support together with families",
     "Priority 4: Community",
     "Replace the yearly meeting by three conversations, at hours that suit families.",
     "Nine of ten families take part in at least two conversations.",
     "The first round reached four of five families; evenings worked best.",
     "Families suggest strategies that work at home, and staff use them.",
     "Conversations in place of reports, with an interpreter where one is wanted.",
     "Families who never came before now lead the coffee morning."),
    ("pupil voice", "Let learners shape their support", "Priority 3: Leadership at all levels",
     "Set up an inclusion council; let each profile open with the learner's own words.",
     "All profiles are written with the learner; the council meets each half-term.",
     "The council meets, and half of the profiles have been rewritten.",
     "Adaptations fit better, because they were chosen by those who use them.",
     "An inclusion council that walks the school and reports to governors.",
     "Three of its five proposals were carried out within a term."),
    ("speech, language and communication", "Talk first in every subject", "Priority 1: Curriculum",
     "Teach key words before each unit; use symbols on all timetables; coach staff in pairs.",
     "Observations find planned talk in nine of ten lessons.",
     "Word banks exist for two thirds of the units.",
     "Quieter learners take part in discussion, and write more after it.",
     "Five key words with symbols, taught before the unit begins.",
     "Learners new to English join in from the first lesson."),
    ("transition between phases", "Make moving on a gentle step", "Priority 5: Transition",
     "Exchange staff for a day; write a one-page profile; offer a summer visit to all.",
     "No placement breaks down in the autumn term.",
     "Profiles were exchanged with all main partner schools.",
     "New starters settled within a fortnight; last year it took half a term.",
     "A booklet with photographs of places and a map of quiet routes.",
     "Attendance of new starters in September rose above that of the school."),
    ("attendance and belonging", "Find out what keeps learners away", "Priority 3: Attendance",
     "Listen to twenty families; greet at the gate; give every returner a first-day buddy.",
     "Persistent absence falls by a quarter.",
     "The conversations are done; their findings went to all staff.",
     "Persistent absence fell by a fifth, most of all where a buddy was named.",
     "A soft start with breakfast for whoever finds mornings hard.",
     "Mornings begin on time, and the queue at the office is gone."),
    ("peer mentoring", "Train older learners as mentors", "Priority 2: Behaviour and attitudes",
     "Train sixteen mentors; match them by interest; review the pairs at half-term.",
     "Mentors and mentees both report a stronger sense of belonging.",
     "Fourteen mentors are at work; the matching took longer than planned.",
     "Mentors grew in confidence as much as those whom they help.",
     "Mentors in green caps at break, with a bench of their own.",
     "Nobody has to spend break alone who does not want to."),
    ("adaptive teaching", "Plan for everyone from the start", "Priority 1: Quality of education",
     "Study one lesson together each half-term; plan from the barriers, not from the task.",
     "Lesson studies show that all learners reach the core of the lesson.",
     "Four lesson studies are complete, and two departments lead their own.",
     "Separate worksheets have nearly gone; scaffolds are open to all.",
     "One lesson, several ways in: a shared bank of scaffolds.",
     "Teachers plan once, and learners choose what helps."),
    ("outdoor learning", "Use the grounds for learning and calm", "Priority 4: Wider curriculum",
     "Lay out a sensory path with volunteers; plan two outdoor lessons a week.",
     "Every class learns outdoors weekly; the path is open to wheelchairs.",
     "The path is laid and the timetable is agreed.",
     "Learners who struggle indoors lead the group outdoors.",
     "A garden with raised beds that can be reached from a wheelchair.",
     "Gardeners from the neighbourhood now come in every week."),
    ("assessment of small steps", "Notice progress of every kind", "Priority 2: Assessment",
     "Choose five areas beyond attainment; record with short observations; moderate each term.",
     "Every learner's small steps are recorded and told to families.",
     "Observations are kept in four of five areas.",
     "Reviews begin with what went well, and families add to it.",
     "A one-page story of progress in place of a grid.",
     "Families say that they recognise their child in the report."),
    ("support of staff well-being", "Look after those who include", "Priority 6: Staff",
     "Offer supervision to all support staff; share the load of plans; protect planning time.",
     "Staff turnover falls, and nine of ten feel supported.",
     "Supervision began with support staff and is being widened.",
     "Support staff stay longer, and so learners keep the adults they trust.",
     "Half an hour of supervision each fortnight, with cover arranged.",
     "Absence of support staff halved within the year."),
    ("anti-bullying and diversity", "See everybody in the curriculum", "Priority 3: Curriculum",
     "Review the books of every year group; invite six speakers; train ambassadors of kindness.",
     "Incidents fall, and learners find people like themselves in what they read.",
     "The library was reviewed; two hundred books were added.",
     "Learners speak up for each other, and incidents are reported sooner.",
     "A library trail with stories from many homes and cultures.",
     "Borrowing rose most among those who rarely read."),
    ("assistive technology", "Put helpful technology into every hand", "Priority 1: Digital strategy",
     "Teach reading tools to all learners; name two digital leaders in each class; train staff.",
     "All learners can choose a tool and say why it helps.",
     "Digital leaders run a lunchtime help desk.",
     "Written work is longer, and nobody is singled out by a device.",
     "Reading pens and dictation on every trolley, for anybody to take.",
     "Support staff read less aloud and coach more."),
]]

# Of each kind: a title, and how it begins; the theme goes in.
CONTRIBUTIONS = {
    "practice": ("How we do it: {0}", "What works here, with all materials to copy."),
    "research": ("A small study of {0}", "Two classes were compared over a term, with a short survey."),
    "staff_exchange": ("Two colleagues change places: {0}",
                       "For a week each worked at the other school."),
    "visit": ("Open morning: {0}", "Visitors walked the school, guided by learners."),
    "training": ("Workshop for neighbouring schools: {0}", "Ninety minutes, with time to plan."),
    "support": ("Alongside a school at the start: {0}", "A year of coaching on the way to the award."),
    "trialling": ("Trying out a new self-evaluation: {0}",
                  "A draft of the programme was tried and improved."),
}

# The criteria that each kind evidences, at a Centre of Excellence and at a Flagship school.
EVIDENCES = {
    "practice": ("dissemination", "capacity"), "research": ("research", "research"),
    "staff_exchange": ("dissemination", "sharing"), "visit": ("dissemination", "sharing"),
    "training": ("capacity", "sharing"), "support": ("development", "support"),
    "trialling": ("development", "development"),
}

# What a review says, one or two of each.
SEEN = [
    "A walk through all phases, six lessons, lunch with learners and a talk with governors.",
    "Lessons in four subjects, the nurture room, and the start of the day at the gate.",
    "Classrooms, the library and the garden; staff, families and learners spoke openly.",
    "Two assemblies, a planning meeting and the inclusion council at work.",
    "The day from breakfast club to the late bus, and the books of twelve learners.",
]
STRENGTHS = [
    "Relationships are warm, and adults know each learner well.",
    "Leaders know what works, because they look at evidence together.",
    "Learners explain what helps them and are heard.",
    "Support is planned with families and not for them.",
    "Staff learn from each other in every department.",
    "The environment is calm, bright and easy to find one's way in.",
]
AREAS = [
    "Share the training of support staff with the cluster.",
    "Show the impact of each target with two or three figures.",
    "Let middle leaders lead one of next year's targets.",
    "Make the research question narrower, so that a class can answer it in a term.",
    "Invite families to the learning walks.",
    "Use the findings of the survey in the next School Development Plan.",
]
# What people judge, by level; the first sentence where it is met, the second where it is not yet.
JUDGED = {
    "inclusive_school_award": {
        "inclusion_values": ("Values are lived, and learners can say what they mean.",
                             "Values are on the wall, but learners do not know them yet."),
        "leadership": ("Leaders plan for inclusion and answer for it.",
                       "Responsibility lies with one person alone."),
        "curriculum": ("What is taught is open to all.",
                       "Some courses are closed to some learners."),
        "teaching_and_learning": ("Lessons reach everybody.",
                                  "Tasks are adapted too late."),
        "assessment": ("Small steps are noticed and told.",
                       "Only attainment is recorded."),
        "behaviour": ("Learners are kind, curious and proud of their school.",
                      "Rules differ from room to room."),
        "parents": ("Families are partners.",
                    "Families are informed, but seldom heard."),
        "links": ("The school gives much to its neighbourhood.",
                  "Links beyond the school have only begun."),
    },
    "centre_of_excellence": {
        "commitment": ("Commitment is plain in every conversation.",
                       "Commitment is not shared by all departments yet."),
        "capacity": ("Three leaders now carry what one began.",
                     "Too much depends on one leader."),
        "dissemination": ("The school shares generously.",
                          "Good practice stays within the school."),
        "research": ("Each year group looks into a question of its own.",
                     "No question has been looked into yet."),
        "development": ("Colleagues helped to try out new materials.",
                        "The school has not contributed yet."),
    },
    "flagship": {
        "research": ("Research has reached the classrooms.",
                     "The research question is too wide for a classroom."),
        "capacity": ("Two colleagues are free to support others.",
                     "Nobody has time to support others yet."),
        "sharing": ("Visits, training and exchanges in every term.",
                    "Sharing is confined to the own cluster."),
        "ethos": ("Its cluster relies on it.",
                  "Joint activities have ended."),
        "support": ("Two schools were led to the award.",
                    "No other school has been supported yet."),
        "development": ("Materials of the programme were tried and bettered.",
                        "Offers of trialling were not taken up."),
    },
}

# Of each: a title, an outline, the steps with their groups; then, year by year, progress, impact and
# what is carried on.
PROJECTS = [
    ("Does a daily check-in change who speaks in class?",
     "We look at how a short check-in at the start of the day changes who takes part in lessons. "
     "Two year groups begin, the others follow. Talk is counted by observers with a simple tally; "
     "learners and staff are interviewed each term. We expect that quieter learners speak sooner "
     "and longer.",
     [("baseline", "Count talk before the change", "Year 4 team"),
      ("check-in", "Introduce the check-in", "All class teachers"),
      ("interviews", "Interview learners and staff", "Inclusion council"),
      ("share", "Share the findings", "Research group")]),
    ("Which scaffolds do learners choose when they may choose?",
     "Scaffolds are laid out for everybody, and we note what is taken, by whom and when it is put "
     "away. The study runs in mathematics and history. It should tell us which scaffolds make "
     "learners independent.",
     [("design", "Design the scaffolds", "Mathematics and history departments"),
      ("observe", "Observe the choice", "Lesson study trios"),
      ("refine", "Keep what works", "Curriculum leaders")]),
    ("Gardens and readiness to learn",
     "We compare lessons that follow half an hour in the sensory garden with lessons that do not. "
     "Teachers rate readiness on a scale of five; learners use symbols. A partner school repeats "
     "the study in its own grounds.",
     [("prepare", "Prepare the garden and the scale", "Outdoor learning team"),
      ("compare", "Compare lessons", "Phase leaders"),
      ("repeat", "Repeat it at a partner school", "Research group"),
      ("write-up", "Write up and publish", "Research group")]),
    ("What do families want to know, and when?",
     "Families choose between four ways of hearing from school, and we follow what is read and "
     "answered. Interviews in three languages say why. The result is a calendar of conversations.",
     [("listen", "Listen to families", "Family support team"),
      ("offer", "Offer four ways", "Office and class teachers"),
      ("calendar", "Agree a calendar", "Leadership team")]),
    ("Mentors across phases",
     "Older learners mentor younger ones of the neighbouring school. We ask both, at the start and"
     " after each term, how much they feel that they belong, and look at attendance as a second "
     "measure.",
     [("train", "Train the mentors", "Learning mentors"),
      ("match", "Match and meet", "Year leaders of both schools"),
      ("measure", "Measure belonging", "Research group")]),
]
UPDATES = [
    ("The first steps were taken as planned; the baseline was recorded in all groups that take part.",
     "Staff talk about evidence rather than impressions, and two habits have changed already.",
     "Go on to the second step with all year groups, and ask learners earlier."),
    ("All groups take part. One measure was too coarse and was replaced; the others show a clear trend.",
     "Learners take part more evenly, and the practice has been taken up by a partner school.",
     "Complete the last round, and prepare the findings for the cluster."),
    ("The last round is complete, and the findings were presented to the cluster.",
     "What began as a study is now how the school works; four other schools have copied it.",
     "All is done; the questions that are left open lead to the next project."),
]

TOPICS = [
    ["Sensory-friendly classrooms", "Learning walk of the host school"],
    ["Pupil voice in the school council", "Sharing of action plans"],
    ["Working with parents and carers as partners", "Emotional literacy support"],
    ["Peer mentoring across phases", "Preparing for the annual review"],
    ["Speech, language and communication", "Transition from primary to secondary"],
    ["Attendance and belonging", "In-house research: first findings"],
    ["Adaptive teaching in mixed classes", "Book look in trios"],
    ["Assistive technology for everyone", "Dates of open mornings"],
    ["Staff well-being and supervision", "Offers and wishes of schools"],
]
NOTES = [
    "Each school named one thing that it will try before the next meeting.",
    "The host's learners led the walk. Two schools agreed to exchange staff for a day.",
    "Plans were read in pairs; the impact column was where most help was wanted.",
    "The findings were discussed at length. Slides were sent round afterwards.",
]
JOINT_TOPICS = [
    ["Planning a staff exchange"], ["Reading each other's action plans"], ["A joint workshop on talk"],
    ["Visiting the sensory garden"], ["Comparing the results of two small studies"],
]

# What a meeting changed at a school, as its coordinator wrote, by the first of its topics.
MEETING_IMPACTS = {
    "Sensory-friendly classrooms": [
        "We took the displays around the whiteboard down in three rooms; learners say it is easier to "
        "look at the teacher.",
        "The checklist from the host school is now part of our learning walks. Two noisy heaters were "
        "replaced.",
        "A quiet corner was set up in every year group, and lessons are interrupted less often.",
        "Support staff tried the box of sensory tools for half a term. We kept four of them and "
        "dropped the rest.",
    ],
    "Pupil voice in the school council": [
        "Our council now chooses one question each half-term and reports to governors itself.",
        "We changed the way members are elected, so that learners who communicate with symbols can "
        "stand.",
        "Learners wrote the first page of their own profiles; staff were surprised by what they asked "
        "for.",
        "The council walked the school with the site manager. Handrails and clearer signs came of it.",
    ],
    "Working with parents and carers as partners": [
        "We moved our conversations with families to the evening; four of five now come.",
        "An interpreter is booked for every review where one is wished for. Two families came for the "
        "first time.",
        "The coffee morning is led by parents now, and they choose the topic.",
        "Letters home were shortened after the exercise with the other schools, and questions to the "
        "office fell.",
    ],
    "Peer mentoring across phases": [
        "Twelve mentors were trained with the materials that we were given; all pairs still meet.",
        "We match mentors by interest now rather than by age, as two other schools advised.",
        "Mentors meet on Fridays with a member of staff. Fewer learners spend lunchtime alone.",
        "A first exchange with our neighbours took place; the younger learners ask when the next one "
        "is.",
    ],
    "Speech, language and communication": [
        "Five key words with symbols are taught before each unit, and learners use them in their "
        "answers.",
        "All staff allow ten seconds after a question. More learners speak, and for longer.",
        "We adopted the cluster's set of symbols, so that learners who change school find them again.",
        "Two colleagues coach others in pairs, which came straight from this meeting.",
    ],
    "Attendance and belonging": [
        "A soft start with breakfast was tried for six weeks and stays; late arrivals have halved.",
        "Every learner who returns after an absence now has a buddy for the first day.",
        "We rang families to ask rather than to warn, and heard of barriers that we could remove.",
        "The survey on belonging was used in all year groups. Its results went into our plan.",
    ],
    "Adaptive teaching in mixed classes": [
        "Departments plan from the barriers now. Separate worksheets have nearly gone.",
        "We repeated the book look in trios with our own staff, and agreed on three scaffolds for all.",
        "One lesson was planned together with a colleague from another school and taught at both.",
        "Support staff receive the plan two days before, and can say what they would change.",
    ],
    "Assistive technology for everyone": [
        "Reading pens lie on every trolley for anybody to take, so nobody is singled out by using one.",
        "Two digital leaders in each class show the others how to dictate. Written work is longer.",
        "We borrowed the tablets that were shown, and found that the tools we have already do as well.",
        "Staff had an hour to try the tools themselves; half of them have used one in a lesson since.",
    ],
    "Staff well-being and supervision": [
        "Supervision for support staff began in the week after, half an hour each fortnight.",
        "Planning time is protected now, and cover is arranged a term ahead.",
        "We asked staff what to stop. One report a term was given up, and nobody has missed it.",
        "Leaders keep an open hour each week. It is used, most of all by new colleagues.",
    ],
    "Planning a staff exchange": [
        "Two colleagues spent a day at the other school and brought back its way of planning.",
        "The exchange is in the calendar of both schools, with cover agreed.",
    ],
    "Reading each other's action plans": [
        "Our success measures were too vague; we rewrote two of them with figures.",
        "We took over the way the host links each target to the School Development Plan.",
    ],
    "A joint workshop on talk": [
        "The talk cards from the workshop are in use in all classrooms.",
        "Staff filmed a discussion and watched it together, as we had done at the workshop.",
    ],
    "Visiting the sensory garden": [
        "We marked out a smaller garden of our own; learners chose the plants.",
        "Two lessons a week take place outdoors now, in most weathers.",
    ],
    "Comparing the results of two small studies": [
        "Their tally was simpler than ours, so we took it over for the second round.",
        "We saw that our group was too small, and two more classes now take part.",
    ],
}
