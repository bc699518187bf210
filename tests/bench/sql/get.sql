-- One school, as src/resource/read.c asks for it.
\set school random(0, :schools - 1) + 100000000000
\startpipeline
:identify;
SELECT doc, version FROM school WHERE id = ('01990000-0000-7000-8000-' || :school)::uuid;
\endpipeline
