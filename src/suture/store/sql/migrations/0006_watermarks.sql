-- How far each source that is asked (a database, a FHIR server, a broker) has been read.

create table source_watermark (
    source text collate "C" primary key,
    watermark text not null,
    kept_at timestamptz not null default now()
);
comment on table source_watermark is 'Kept in the transaction of what was pulled up to it: nothing is lost, nothing skipped.';
comment on column source_watermark.watermark is 'In the words of the connector; holds no value of any patient.';
