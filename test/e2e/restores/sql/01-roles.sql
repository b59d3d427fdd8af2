-- Case 01: roles and the database g with its properties. A tablespace g_ts exists.
create role g_owner login; create role g_admin createrole createdb connection limit 3 valid until '2030-01-01'; create role g_ro nologin; create role "Ünï ""q""" login;
create role g_member in role g_ro; grant g_ro to g_owner with admin option; 
comment on role g_owner is 'owner of g';
alter role g_owner password 'geheim';
alter role g_ro set statement_timeout='5min';
alter role g_owner set search_path=app,public;

create database g owner g_owner connection limit 17 tablespace g_ts;
comment on database g is 'the g database';
alter database g set work_mem='33MB';
alter database g set search_path=app,public,"We Ird";
alter database g set timezone='Europe/Berlin';
alter database g set default_transaction_isolation='repeatable read';
alter role g_owner in database g set role='g_ro';
alter role g_ro in database g set maintenance_work_mem='64MB';
revoke connect on database g from public; grant connect, temp on database g to g_ro; grant all on database g to g_admin with grant option;
