-- How far each source that is asked (a database, a FHIR server, a broker) has been read.

create table pull_position (
    source text collate "C" primary key,
    position text not null,
    kept_at timestamptz not null default now()
);
comment on table pull_position is 'Kept in the transaction of what was pulled up to it: nothing is lost, nothing skipped.';
comment on column pull_position.position is 'In the words of the connector; holds no value of any patient.';
