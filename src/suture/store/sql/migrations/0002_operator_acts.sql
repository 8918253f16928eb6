-- What people did by hand, about what, when and why: a message revealed, reprocessed, a journal resent, an exception dismissed.

create table operator_act (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    os_user text not null check (os_user <> ''),
    host text not null,
    act text not null check (act in ('revealed', 'reprocessed', 'resent', 'dismissed')),
    subject text collate "C" not null,
    reason text not null,
    check (reason <> '' or act not in ('revealed', 'dismissed'))
);
comment on table operator_act is 'Written in the transaction of the act itself, a reveal''s before anything is shown; never a value out of a message.';
comment on column operator_act.os_user is 'As the operating system knows whoever ran the command, not as the environment says.';
create index operator_act_subject on operator_act (subject);
create trigger append_only before update or delete or truncate on operator_act for each statement execute function append_only();
