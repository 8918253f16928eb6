-- A refused journal can be made anew under another reference of ours, when a stranger's document holds the old one in the ERP.

alter table operator_act drop constraint operator_act_act_check;
alter table operator_act add constraint operator_act_act_check
    check (act in ('revealed', 'reprocessed', 'resent', 'renewed', 'dismissed'));
alter table operator_act drop constraint operator_act_check;
alter table operator_act add constraint operator_act_check
    check (reason <> '' or act not in ('revealed', 'renewed', 'dismissed'));

alter table journal
    add column renews text not null default '',
    add column renewed_as text not null default '';
comment on column journal.renews is 'The reference this journal was made anew from; empty where it is the first.';
comment on column journal.renewed_as is 'The reference it goes by now, whose delivery is its own; empty where it goes by this one.';
create index journal_renewed on journal (renewed_as) where renewed_as <> '';

alter table delivery add column may_renew boolean not null default false;
comment on column delivery.may_renew is
    'Somebody asked for a new reference: given when the destination, asked again, still holds another document under this one.';
