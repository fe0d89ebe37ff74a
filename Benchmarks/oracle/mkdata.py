#!/usr/bin/env python3
"""Deterministic generator of a Carbonio-shaped directory as LDIF.

Entries come out parents first, so the output suits slapadd.  Everything is
derived from --seed; the same arguments give the same bytes.

Known passwords: cn=admins accounts 'zimbra', cn=appaccts accounts 'zmpass',
every mail account 'password'.
"""
import argparse, base64, hashlib, os, random, sys, unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))

# (given, family) pools by language; non-Latin names carry their usual romanisation
LATIN_FIRST = """James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan
Joseph Jessica Thomas Sarah Charles Karen Daniel Lisa Matthew Nancy Anthony Betty Mark Sandra Steven Ashley
Giulia Marco Francesca Luca Alessandro Chiara Matteo Sofia Lorenzo Martina Andrea Elena Davide Valentina Niccolò
José María Lucía Álvaro Íñigo Begoña Jesús Inés Andrés Sofía Raúl Mónica Nuño Xóchitl
Jürgen Käthe Jörg Björn Günther Gisela Heinz Ursula Wolfgang Anneliese Lukas Leonie Maximilian
François Zoë Chloé Benoît Hélène Thérèse Gaël Aurélie Rémi Océane Loïc Maëlle
João Conceição Inês Tomás Gonçalo Antónia
Søren Åse Øyvind Kjærsti Håkon Gudrún Þór Aðalsteinn Märta Göran
Łukasz Małgorzata Paweł Zbigniew Agnieszka Żaneta Jiří Tomáš Kateřina Šimon Ludmiła Ștefan Ioana Zoltán Réka Győző
İbrahim Ayşe Çağla Oğuz Gül Şebnem Mehmet Đặng Nguyệt Hữu Phương""".split()
LATIN_LAST = """Smith Johnson Williams Brown Jones Garcia Miller Davis Martinez Hernandez Wilson Anderson Taylor Moore Jackson
Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti DeLuca Mancini D'Angelo
Muñoz Núñez Peña Fernández González Rodríguez López Ibáñez Ordóñez
Müller Schröder Schäfer Köhler Weiß Krüger Groß Strauß Fischer Becker Hoffmann von-Bülow
Lefèvre Béranger Châtelain Gauthier Dupont Moreau O'Brien O'Connor McCarthy
Gonçalves Magalhães Araújo Simões
Ødegård Sørensen Åkesson Lindström Bjørnsdóttir Guðmundsson Jørgensen
Kowalski Wiśniewski Wójcik Żółkowski Dąbrowska Novák Dvořák Procházka Černý Szabó Kőrösi Popescu Țuțuianu
Yılmaz Çelik Öztürk Şahin Nguyễn Trần Phạm Lê""".split()
OTHER = [('太郎','田中','taro','tanaka'),('花子','佐藤','hanako','sato'),('明','李','ming','li'),('伟','王','wei','wang'),
 ('Ольга','Иванова','olga','ivanova'),('Дмитрий','Соколов','dmitry','sokolov'),('Наталія','Шевченко','nataliya','shevchenko'),
 ('Αλέξανδρος','Παπαδόπουλος','alexandros','papadopoulos'),('Ελένη','Γεωργίου','eleni','georgiou'),
 ('민준','김','minjun','kim'),('서연','박','seoyeon','park'),('أحمد','الفارسي','ahmad','alfarsi'),('ליאור','כהן','lior','cohen'),
 ('अर्जुन','शर्मा','arjun','sharma'),('สมชาย','ใจดี','somchai','jaidee')]
COMPANIES = ['acme','globex','initech','umbrella','hooli','vandelay','stark','wayne','wonka','tyrell','cyberdyne','oscorp',
 'massive-dynamic','pied-piper','soylent','duff','monsters','gringotts','sirius','aperture','xn--mnchen-3ya','bluth','dunder','sterling','nakatomi']
TOPS = ['example','test','co.example','mail.test']
DEPTS = ['Sales','Engineering','Finance','Human Resources','Marketing','Support','Legal','Operations','Research & Development','IT']
TITLES = ['Account Manager','Software Engineer','Senior Engineer','Accountant','HR Partner','Product Manager','Support Specialist',
          'Legal Counsel','Operations Lead','Researcher','Director','Vice President, Sales','Intern','Système Admin.','Büroleiter']
CITIES = [('Milano','MI','20121','Via Dante 12'),('Roma','RM','00184','Via Cavour 101'),('München','BY','80331','Marienplatz 8'),
 ('Zürich','ZH','8001','Bahnhofstrasse 3'),('København','DK','1050','Kongens Nytorv 1'),('São Paulo','SP','01310-100','Av. Paulista 900'),
 ('Kraków','MA','31-042','Rynek Główny 5'),('London','LDN','SW1A 1AA','10 King Street'),('Paris','IDF','75002','5, rue de la Paix'),
 ('Austin','TX','78701','200 Congress Ave'),('İstanbul','34','34000','İstiklal Cad. 44'),('東京','13','100-0001','千代田1-1'),('Málaga','MA','29015','Calle Larios 7')]
LOCALES = ['en_US','it','de','fr','es','pt_BR','pl','ja','tr','en']
ZONES = ['Europe/Rome','Europe/Berlin','UTC','America/New_York','Asia/Tokyo','Europe/Warsaw','America/Sao_Paulo']
DEFAULT_COS = 'e00428a1-0c00-11d9-836a-000d93afea2a'
EXTERNAL_COS = 'f27456a8-0c00-11d9-280a-286d93afea2g'      # as shipped: not a valid hexadecimal uuid
TRANSLIT = str.maketrans({'ø':'o','Ø':'o','å':'a','Å':'a','ł':'l','Ł':'l','ß':'ss','đ':'d','Đ':'d','ð':'d','þ':'th','Þ':'th','æ':'ae',
                          'ı':'i','İ':'i','œ':'oe',"'":'',' ':''})

def ascii_(s):
    s = unicodedata.normalize('NFKD', s.translate(TRANSLIT))
    return ''.join(c for c in s if ord(c) < 128 and (c.isalnum() or c == '-')).lower()

class Out:
    def __init__(self, f): self.f, self.n, self.kinds = f, 0, {}
    def entry(self, kind, dn, attrs):
        w = ['dn: '+dn if self.safe(dn) else 'dn:: '+self.b64(dn)]
        grp = {}
        for k, v in attrs: grp.setdefault(k, []).append(v)      # slapadd wants one attribute's values together
        for k, v in ((k, v) for k in grp for v in grp[k]):
            if isinstance(v, bytes): w.append(f'{k}:: '+base64.b64encode(v).decode())
            elif self.safe(v): w.append(f'{k}: {v}')
            else: w.append(f'{k}:: '+self.b64(v))
        self.f.write('\n'.join(w)+'\n\n'); self.n += 1
        self.kinds[kind] = self.kinds.get(kind, 0)+1
    @staticmethod
    def b64(s): return base64.b64encode(s.encode('utf-8')).decode()
    @staticmethod
    def safe(s): return s.isascii() and s.isprintable() and s[:1] not in (' ', ':', '<') and not s.endswith(' ')

def rdn(v):
    o = ''
    for i, c in enumerate(v):
        o += '\\'+c if c in ',+"\\<>;=' or (c == '#' and i == 0) else c
    return o

class Gen:
    def __init__(self, a, f):
        self.r, self.a, self.o = random.Random(a.seed), a, Out(f)
        self.d = {}
        for l in open(os.path.join(a.catalogue, 'defaults.tsv'), encoding='utf-8').read().splitlines()[1:]:
            n, s, v = l.split('\t'); self.d.setdefault(s, []).append((n, v))
        # deprecated attributes stay on the default COS but are dropped in copies, as copyCos does
        rows = open(os.path.join(a.catalogue, 'attributes.tsv'), encoding='utf-8').read().splitlines()
        h = rows[0].split('\t'); self.deprecated = {x.split('\t')[0] for x in rows[1:] if x.split('\t')[h.index('deprecatedSince')]}
    def uuid(self):
        h = '%032x' % self.r.getrandbits(128)
        return f'{h[:8]}-{h[8:12]}-4{h[13:16]}-{"89ab"[int(h[16],16)&3]}{h[17:20]}-{h[20:]}'
    def time(self, lo=0, hi=1):
        t = int((lo+(hi-lo)*self.r.random())*126230400)          # 2021-01-01 .. 2024-12-31
        import time as T
        return T.strftime('%Y%m%d%H%M%SZ', T.gmtime(1609459200+t))
    def pw(self, p):
        salt = self.r.getrandbits(64).to_bytes(8, 'big')
        return '{SSHA512}'+base64.b64encode(hashlib.sha512(p.encode()+salt).digest()+salt).decode()
    def fake(self, n): return base64.b64encode(self.r.getrandbits(8*n).to_bytes(n, 'big')).decode()

    # ---------------------------------------------------------------- system tree
    def system(self):
        e = self.o.entry
        role = lambda dn, cn, d=None, **k: e('system', dn, [('objectClass','organizationalRole'),('cn',cn)]+([('description',d)] if d else []))
        role('cn=zimbra','zimbra','Systems Application Data')
        def sysacct(box, uid, zid, admin, pw):
            e('sysaccount', f'uid={uid},cn={box},cn=zimbra', [('uid',uid)]+[('objectClass',x) for x in ('zimbraAccount','organizationalPerson','inetOrgPerson')]+
              [('cn',uid),('sn',uid),('zimbraAccountStatus','active')]+([('zimbraIsAdminAccount','TRUE')] if admin else [])+
              [('zimbraIsSystemResource','TRUE'),('zimbraId',zid),('userPassword',self.pw(pw))])
        role('cn=admins,cn=zimbra','admins')
        sysacct('admins','zimbra','e0fafd89-1360-11d9-8661-000a95d98ef2',1,'zimbra')
        sysacct('admins','zmreplica','D020C0FE-4F5E-11DC-B033-C3A8E67A905E',0,'zimbra')
        role('cn=appaccts,cn=zimbra','appaccts')
        for u, z, ad in (('zmnginx','DA336C18-4F5E-11DC-8514-DCA8E67A905E',1),('zmpostfix','a8255e5f-142b-4aa0-8aab-f8591b6455ba',0),
                         ('zmamavis','12A0779A-88B6-11DC-AA4B-97F9DEB0B34E',0),('zmbes-searcher','30C08DC0-DB30-11E0-A9E3-832DA18C185A',0)):
            sysacct('appaccts', u, z, ad, 'zmpass')
        for c in ('groups','zimlets','cos','servers','ucservices','xmppcomponents'): role(f'cn={c},cn=zimbra', c)
        e('system','cn=globalgrant,cn=zimbra',[('objectClass','zimbraAclTarget'),('cn','globalgrant'),
          ('zimbraACE','00000000-0000-0000-0000-000000000000 all loginAs')])
        role('cn=sharelocators,cn=zimbra','sharelocators')
        # global configuration
        over = {'zimbraDefaultDomainName': self.domains[0]['name']}
        e('globalConfig','cn=config,cn=zimbra',[('objectClass','organizationalRole'),('cn','config'),('objectClass','zimbraGlobalConfig')]+
          sorted((k,v) for k,v in self.d['globalConfig'] if k not in over)+sorted(over.items()))
        role('cn=mime,cn=config,cn=zimbra','mime')
        for t, h, ext in (('message/rfc822','MessageRFC822Handler',[]),('text/html','TextHtmlHandler',['html','htm']),('text/enriched','TextEnrichedHandler',['txe']),
                          ('text/plain','TextPlainHandler',['txt','text']),('text/calendar','TextCalendarHandler',['ics','vcs']),('all','UnknownTypeHandler',[])):
            e('mime',f'cn={t},cn=mime,cn=config,cn=zimbra',[('objectClass','zimbraMimeEntry'),('cn',t),('zimbraMimeType',t),('zimbraMimeIndexingEnabled','TRUE'),
              ('zimbraMimeHandlerClass',h)]+[('zimbraMimeFileExtension',x) for x in ext])
        # classes of service
        ext = {k for k,_ in self.d['defaultExternalCOS']}
        self.cos = [('default',DEFAULT_COS),('defaultExternal',EXTERNAL_COS)]+[(n,self.uuid()) for n in ('business','executive','kiosk')]
        for n, i in self.cos:
            vals = list(self.d['defaultCOS'])
            if n == 'defaultExternal': vals = [x for x in vals if x[0] not in ext]+self.d['defaultExternalCOS']
            elif n != 'default':
                ch = {'business':{'zimbraMailQuota':'21474836480'},'executive':{'zimbraMailQuota':'0','zimbraFeatureMobileSyncEnabled':'TRUE'},
                      'kiosk':{'zimbraMailQuota':'536870912','zimbraFeatureCalendarEnabled':'FALSE','zimbraPop3Enabled':'FALSE'}}[n]
                vals = [x for x in vals if x[0] not in ch and x[0] not in self.deprecated]+list(ch.items())
                vals += [('zimbraMailHostPool',s['id']) for s in self.servers if s['mbox']][:2]
            e('cos',f'cn={n},cn=cos,cn=zimbra',[('objectClass','zimbraCOS'),('cn',n),('zimbraId',i)]+
              ([] if n.startswith('default') else [('zimbraCreateTimestamp',self.time(0,.1))])+sorted(vals))
        for s in self.servers:
            svc = ['mailbox','service','zimbra','stats'] if s['mbox'] else ['mta','amavis','antivirus','opendkim'] if s['host'].startswith('mta') else ['proxy','memcached']
            e('server',f"cn={s['host']},cn=servers,cn=zimbra",[('objectClass','zimbraServer'),('cn',s['host']),('zimbraId',s['id']),
              ('zimbraCreateTimestamp',self.time(0,.05)),('zimbraServiceHostname',s['host']),('zimbraSmtpHostname','mta1.infra.example'),
              ('zimbraMtaMyNetworks','127.0.0.0/8 [::1]/128 10.0.0.0/24'),('zimbraMtaMyOrigin',s['host']),('zimbraIPMode','ipv4'),
              ('zimbraLmtpAdvertisedName',s['host']),('zimbraSSHPublicKey','ssh-rsa '+self.fake(279)),('zimbraReverseProxyLookupTarget','TRUE' if s['mbox'] else 'FALSE')]+
              [(k,v) for v in svc for k in ('zimbraServiceEnabled','zimbraServiceInstalled')])
        for z in ('com_zimbra_date','com_zimbra_email','com_zimbra_url'):
            e('zimlet',f'cn={z},cn=zimlets,cn=zimbra',[('objectClass','zimbraZimletEntry'),('cn',z),('zimbraZimletEnabled','TRUE'),('zimbraZimletVersion','1.0'),('zimbraZimletKeyword',z)])
        for _ in range(5):
            i = self.uuid()
            e('shareLocator',f'cn={i},cn=sharelocators,cn=zimbra',[('objectClass','zimbraShareLocator'),('cn',i),('zimbraShareOwnerAccountId',self.uuid())])

    # ---------------------------------------------------------------- planning
    def plan(self):
        a, r = self.a, self.r
        nm = max(1, min(12, a.accounts//5000+1))
        self.servers = [{'host':f'mbox{i+1}.infra.example','id':self.uuid(),'mbox':True} for i in range(nm)]
        self.servers += [{'host':f'{x}.infra.example','id':self.uuid(),'mbox':False} for x in ('mta1','proxy1')]
        self.mbox = [s for s in self.servers if s['mbox']]
        self.domains, self.cos = [], []
        for i in range(a.domains):
            c = COMPANIES[i % len(COMPANIES)]; k = i//len(COMPANIES)
            name = f'{c}.{TOPS[k % len(TOPS)]}' if k < len(TOPS) else f'{c}{k}.example'
            self.domains.append({'name':name,'id':self.uuid(),'dn':','.join('dc='+p for p in name.split('.')),'used':{'admin','galsync'},
                                 'org':c.replace('xn--mnchen-3ya','München').title(),'addrs':[]})
        w = [1/(i+1)**0.7 for i in range(a.domains)]; t = sum(w)
        n = [int(a.accounts*x/t) for x in w]
        for i in range(a.accounts-sum(n)): n[i % a.domains] += 1
        for d, k in zip(self.domains, n): d['n'] = k

    def parents(self, dn, seen):
        parts = dn.split(',')
        for i in range(len(parts)-1, 0, -1):
            p = ','.join(parts[i:])
            if p in seen: continue
            seen.add(p); v = parts[i][3:]
            self.o.entry('parentDomain', p, [('objectClass','dcObject'),('objectClass','organization'),('o',v+' domain'),('dc',v)])

    def containers(self, dn):
        self.o.entry('container',f'ou=people,{dn}',[('objectClass','organizationalRole'),('ou','people'),('cn','people')])
        self.o.entry('container',f'cn=groups,{dn}',[('objectClass','organizationalRole'),('cn','groups'),('description','dynamic groups base')])

    def take(self, d, base):
        b, i = base, 1
        while b in d['used']:
            i += 1; b = f'{base}{i}'
        d['used'].add(b); return b

    # ---------------------------------------------------------------- per domain
    def domain(self, d, i, seen):
        r, e = self.r, self.o.entry
        self.parents(d['dn'], seen); seen.add(d['dn'])
        cosid = r.choice([x for n,x in self.cos if n != 'defaultExternal'])
        d['cos'] = cosid
        gal = {'id':self.uuid()}
        dk = i % 3 == 0
        attrs = [('objectClass',x) for x in ('dcObject','organization','zimbraDomain','amavisAccount')]+([('objectClass','DKIM')] if dk else [])
        attrs += [('zimbraId',d['id']),('zimbraCreateTimestamp',self.time(0,.2)),('zimbraDomainName',d['name']),('zimbraDomainType','local'),
          ('zimbraDomainStatus','active' if i % 17 else 'active'),('zimbraMailStatus','enabled'),('o',d['name']+' domain'),('dc',d['name'].split('.')[0]),
          ('zimbraDomainDefaultCOSId',cosid),('zimbraVirtualHostname','mail.'+d['name']),('zimbraVirtualHostname','webmail.'+d['name']),
          ('zimbraPublicServiceHostname','mail.'+d['name']),('zimbraPublicServiceProtocol','https'),('zimbraGalMode',r.choice(['zimbra','zimbra','zimbra','both'])),
          ('zimbraGalMaxResults','100'),('zimbraGalAccountId',gal['id']),('zimbraGalSyncMaxConcurrentClients','2'),('zimbraAuthMech','zimbra'),
          ('zimbraPrefTimeZoneId',r.choice(ZONES)),('zimbraLocale',r.choice(LOCALES)),('zimbraDomainMaxAccounts',str(d['n']*2+50)),
          ('zimbraDomainCOSMaxAccounts',f'{cosid}:{d["n"]+20}'),('zimbraMailDomainQuota','0'),('zimbraBasicAuthRealm',d['org']),
          ('zimbraNotes',f'Tenant {i+1} – {d["org"]}')]
        if i % 4 == 1: attrs.append(('zimbraPreAuthKey','%064x' % r.getrandbits(256)))
        if dk: attrs += [('DKIMSelector',self.uuid()),('DKIMDomain',d['name']),('DKIMIdentity',d['name']),('DKIMKey','TEST-ONLY '+self.fake(600)),
                         ('DKIMPublicKey','v=DKIM1; k=rsa; p='+self.fake(270))]
        if i % 5 == 2: attrs += [('zimbraVirtualIPAddress',f'10.1.{i%250}.1'),('zimbraAuthKerberos5Realm',d['name'].upper())]
        e('domain', d['dn'], attrs)
        self.containers(d['dn'])
        # groups are planned first: members carry zimbraMemberOf
        ng = max(2, d['n']//200)
        d['groups'] = [{'id':self.uuid(),'name':self.take(d,'team-'+ascii_(DEPTS[k % len(DEPTS)])+('' if k < len(DEPTS) else f'-{k}')),'p':min(.5, r.choice([.01,.02,.05,.1]))} for k in range(ng)]
        # GAL sync account with its data source
        self.account(d, system=('galsync', gal['id']))
        first = None
        for k in range(d['n']):
            x = self.account(d, admin=(k == 0)); first = first or x
        for k in range(max(2, d['n']//100)): self.resource(d, k)
        for k in range(max(3, d['n']//100)): self.dlist(d, k, first)
        for g in d['groups']: self.group(d, g)
        for k, (nm, url) in enumerate([('everyone-in-sales', f"ldap:///ou=people,{d['dn']}??sub?(&(objectClass=zimbraAccount)(ou=Sales))"),
                        ('cos-members', f"ldap:///ou=people,{d['dn']}??sub?(zimbraCOSId={cosid})"),
                        ('all-active', f"ldap:///ou=people,{d['dn']}??sub?(&(objectClass=zimbraAccount)(zimbraAccountStatus=active)(!(zimbraIsSystemResource=TRUE)))")]):
            if k < 2 or i % 4 == 0: self.group(d, {'id':self.uuid(),'name':self.take(d,nm)}, url)
        self.dtargets.append(d)

    def account(self, d, admin=False, system=None):
        r, o = self.r, self.o.entry
        zid = system[1] if system else self.uuid()
        if system: gn, sn, uid = 'GAL', 'Sync', self.take(d, system[0]+'.'+('%06x' % r.getrandbits(24)))
        else:
            if r.random() < .07: gn, sn, g2, s2 = r.choice(OTHER)
            else:
                gn, sn = r.choice(LATIN_FIRST), r.choice(LATIN_LAST); g2, s2 = ascii_(gn), ascii_(sn)
            uid = self.take(d, r.choice([f'{g2}.{s2}',f'{g2}.{s2}',f'{g2}.{s2}',f'{g2[0]}{s2}',g2+'_'+s2[:1]]))
        mail = f"{uid}@{d['name']}"; dn = f"uid={rdn(uid)},ou=people,{d['dn']}"
        disp = f'{gn} {sn}' if not ('\u4e00' <= gn[0] <= '\u9fff') else f'{sn} {gn}'
        st = 'active' if system else r.choices(['active','locked','closed','maintenance','lockout','pending'],[940,20,25,5,5,5])[0]
        host = r.choice(self.mbox)['host']
        city = r.choice(CITIES); cos = r.choices(self.cos, [40,1,38,9,12])[0]
        aliases = []
        if not system:
            for _ in range(r.choices([0,1,2,3],[62,25,10,3])[0]):
                al = self.take(d, r.choice([f'{s2}.{g2}', g2+s2[:1], f'{g2[0]}.{s2}']))
                aliases.append((al, f"{al}@{d['name']}"))
        t0 = self.time(0,.6)
        at = [('objectClass',x) for x in ('inetOrgPerson','zimbraAccount','amavisAccount')]
        at += [('uid',uid),('zimbraId',zid),('zimbraCreateTimestamp',t0),('zimbraAccountStatus',st),('mail',mail)]
        at += [('mail',m) for _,m in aliases]+[('zimbraMailAlias',m) for _,m in aliases]
        at += [('zimbraMailDeliveryAddress',mail),('zimbraMailStatus','disabled' if st in ('closed','pending') else 'enabled'),('zimbraMailHost',host),
          ('zimbraMailTransport',f'lmtp:{host}:7025'),('cn',disp),('sn',sn),('givenName',gn),('displayName',disp),('userPassword',self.pw('password')),
          ('zimbraPasswordModifiedTime',self.time(.6,1))]
        if system:
            at += [('zimbraIsSystemResource','TRUE'),('zimbraHideInGal','TRUE'),('zimbraContactMaxNumEntries','0'),('zimbraMailQuota','0')]
            o('account', dn, at)
            o('dataSource', f'zimbraDataSourceName=galsync,{dn}', [('objectClass','zimbraDataSource'),('objectClass','zimbraGalDataSource'),('zimbraDataSourceName','galsync'),
              ('zimbraDataSourceId',self.uuid()),('zimbraDataSourceEnabled','TRUE'),('zimbraDataSourceFolderId','257'),('zimbraDataSourcePollingInterval','1d'),('zimbraDataSourceType','gal'),
              ('zimbraGalType','zimbra'),('zimbraGalStatus','enabled'),('zimbraGalLastSuccessfulSyncTimestamp',self.time(.95,1))])
            return zid
        if admin: at += [('zimbraIsAdminAccount','TRUE')]
        elif r.random() < .004: at += [('zimbraIsDelegatedAdminAccount','TRUE')]
        if r.random() < .55: at.append(('zimbraCOSId', cos[1]))
        dept = r.choice(DEPTS)
        at += [('ou',dept),('company',d['org']),('title',r.choice(TITLES)),('l',city[0]),('st',city[1]),('postalCode',city[2]),('street',city[3]),
               ('co',r.choice(['Italy','Germany','France','Spain','Poland','Türkiye','日本'])),('telephoneNumber',f'+39 0{r.randint(2,99)} {r.randint(100,999)} {r.randint(1000,9999)}')]
        if r.random() < .7: at.append(('mobile',f'+39 3{r.randint(10,99)} {r.randint(1000000,9999999)}'))
        if r.random() < .15: at.append(('homePhone',f'(0{r.randint(2,9)}) {r.randint(100000,999999)}'))
        if r.random() < .2: at.append(('physicalDeliveryOfficeName',f'Bldg {r.randint(1,9)}, Rm {r.randint(100,599)}'))
        if r.random() < .1: at.append(('initials',(gn[0]+sn[0]).upper()))
        if r.random() < .12: at.append(('description',r.choice(['Contractor until 31/12','On leave','Prefers e-mail; no phone','Rückruf nach 14 Uhr','  leading and trailing  '])))
        if r.random() < .03: at.append(('zimbraHideInGal','TRUE'))
        at += [('zimbraPrefLocale',r.choice(LOCALES)),('zimbraPrefTimeZoneId',r.choice(ZONES)),('zimbraPrefFromDisplay',disp),('zimbraPrefFromAddress',mail),
               ('zimbraFeatureMAPIConnectorEnabled' if False else 'zimbraPrefMailItemsPerPage',str(r.choice([25,50,100]))),
               ('zimbraPrefMailPollingInterval',r.choice(['2m','5m','15m','31536000s'])),('zimbraPrefComposeFormat',r.choice(['html','text'])),('zimbraPrefIncludeTrashInSearch',r.choice(['TRUE','FALSE']))]
        if r.random() < .8: at.append(('zimbraLastLogonTimestamp',self.time(.8,1)))
        if r.random() < .3: at.append(('zimbraMailQuota',str(r.choice([1,2,5,10,50])*1073741824)))
        if r.random() < .25: at += [('zimbraPrefOutOfOfficeReplyEnabled','FALSE'),('zimbraPrefOutOfOfficeReply',f'Grazie, sono fuori ufficio.\nTorno presto.\n{disp}')]
        if r.random() < .06: at.append(('zimbraPrefMailForwardingAddress',f'{uid}@forward.example,{uid}@backup.example'))
        if r.random() < .02: at += [('zimbraMailForwardingAddress','archive@vault.example'),('zimbraPrefMailLocalDeliveryDisabled','TRUE')]
        if r.random() < .02: at.append(('zimbraMailCanonicalAddress',f"{g2}@{d['name']}"))
        if r.random() < .02: at.append(('zimbraOldMailAddress',f"old-{uid}@{d['name']}"))
        if r.random() < .02: at.append(('zimbraForeignPrincipal',f'cn:{g2} {s2}'))
        if r.random() < .03: at.append(('zimbraAllowFromAddress',f'{s2}@partner.example'))
        if r.random() < .2: at += [('zimbraSignatureName','Firma'),('zimbraSignatureId',self.uuid()),('zimbraPrefMailSignature',f'{disp}\n{d["org"]} – {dept}\n'+'-'*20)]
        if r.random() < .3: at += [('zimbraPrefMailSignatureEnabled','TRUE')]
        if r.random() < .25: at += [('amavisWhitelistSender',f'news{r.randint(1,50)}@list.example'),('amavisBlacklistSender',f'spam{r.randint(1,50)}@bad.example')]
        if r.random() < .1: at += [('zimbraZimletUserProperties','com_zimbra_date:enabled:true'),('zimbraZimletUserProperties','com_zimbra_url:Enabled:TRUE')]
        if r.random() < .08 and d['addrs']:
            for _ in range(r.randint(1,3)): at.append(('zimbraACE',f"{r.choice(d['ids'])} usr sendAs"))
        if r.random() < .06 and d['addrs']:
            at.append(('zimbraSharedItem',f"granteeId:{r.choice(d['ids'])};granteeName:{r.choice(d['addrs'])};granteeType:usr;folderId:{r.randint(10,900)};folderUuid:{self.uuid()};folderPath:/Inbox;folderDefaultView:message;rights:rw;type:folder"))
        if r.random() < .02: at.append(('zimbraPasswordLockoutFailureTime',self.time(.98,1)))
        if r.random() < .3: at.append(('zimbraAuthTokens' if False else 'zimbraPrefCalendarReminderEmail',mail))
        for g in d['groups']:
            if r.random() < g['p']: at.append(('zimbraMemberOf',g['id']))
        at = list(dict.fromkeys(at))
        o('account', dn, at)
        d['addrs'].append(mail); d.setdefault('ids', []).append(zid)
        for al, m in aliases:
            o('alias', f"uid={rdn(al)},ou=people,{d['dn']}", [('objectClass','zimbraAlias'),('uid',al),('zimbraId',self.uuid()),('zimbraCreateTimestamp',t0),('zimbraAliasTargetId',zid)])
        if r.random() < .04:
            nm = r.choice(['Personal','Büro','Support, Level 2'])
            o('identity', f'zimbraPrefIdentityName={rdn(nm)},{dn}', [('objectClass','zimbraIdentity'),('zimbraPrefIdentityName',nm),('zimbraPrefIdentityId',self.uuid()),
              ('zimbraPrefFromAddress',mail),('zimbraPrefFromDisplay',disp),('zimbraPrefReplyToEnabled','FALSE'),('zimbraCreateTimestamp',t0)])
        if r.random() < .03:
            o('signature', f'zimbraSignatureName=Kurz,{dn}', [('objectClass','zimbraSignature'),('zimbraSignatureName','Kurz'),('zimbraSignatureId',self.uuid()),
              ('zimbraPrefMailSignature',disp),('zimbraCreateTimestamp',t0)])
        if r.random() < .02:
            o('dataSource', f'zimbraDataSourceName=old mailbox,{dn}', [('objectClass','zimbraDataSource'),('objectClass','zimbraImapDataSource'),('zimbraDataSourceName','old mailbox'),
              ('zimbraDataSourceId',self.uuid()),('zimbraDataSourceEnabled','TRUE'),('zimbraDataSourceFolderId','258'),('zimbraDataSourceType','imap'),('zimbraDataSourceHost','imap.old.example'),
              ('zimbraDataSourcePort','993'),('zimbraDataSourceConnectionType','ssl'),('zimbraDataSourceUsername',uid),('zimbraDataSourcePassword',self.fake(48))])
        return zid

    def resource(self, d, k):
        r = self.r; loc = r.random() < .7
        b, fl, rm = f'Edificio {"ABC"[k%3]}', str(r.randint(0,9)), f'{r.randint(1,40):02d}'
        nm = f'Sala {b} {fl}.{rm}' if loc else r.choice(['Projector','Vidéoprojecteur','Van','Laptop'])+f' {k+1}'
        uid = self.take(d, 'res-'+ascii_(nm.replace(' ','-').replace('.','-')).strip('-')); mail = f"{uid}@{d['name']}"
        host = r.choice(self.mbox)['host']; t = self.time(0,.6)
        at = [('objectClass',x) for x in ('inetOrgPerson','zimbraAccount','zimbraCalendarResource','amavisAccount')]
        at += [('uid',uid),('zimbraId',self.uuid()),('zimbraCreateTimestamp',t),('zimbraAccountStatus','active'),('mail',mail),('zimbraMailDeliveryAddress',mail),
          ('zimbraMailStatus','enabled'),('zimbraMailHost',host),('zimbraMailTransport',f'lmtp:{host}:7025'),('cn',nm),('sn',uid),('displayName',nm),('userPassword',self.pw('password')),
          ('zimbraPasswordModifiedTime',t),('zimbraAccountCalendarUserType','RESOURCE'),('zimbraCalResType','Location' if loc else 'Equipment'),
          ('zimbraCalResAutoAcceptDecline','TRUE'),('zimbraCalResAutoDeclineIfBusy','TRUE'),('zimbraCalResAutoDeclineRecurring','FALSE'),
          ('zimbraCalResContactName','Réception'),('zimbraCalResContactEmail',f"reception@{d['name']}"),('zimbraCalResContactPhone',f'+39 02 {r.randint(100000,999999)}')]
        if loc: at += [('zimbraCalResLocationDisplayName',nm),('zimbraCalResSite','Headquarters'),('zimbraCalResBuilding',b),('zimbraCalResFloor',fl),('zimbraCalResRoom',rm),('zimbraCalResCapacity',str(r.choice([4,6,8,12,20,100])))]
        self.o.entry('calendarResource', f"uid={rdn(uid)},ou=people,{d['dn']}", at)

    def dlist(self, d, k, owner):
        r = self.r
        uid = self.take(d, 'all' if k == 0 else 'list-'+ascii_(DEPTS[k % len(DEPTS)])+f'-{k}'); mail = f"{uid}@{d['name']}"
        n = min(len(d['addrs']), 500, max(5, int(r.paretovariate(.8)*5)))
        mem = r.sample(d['addrs'], n)+[f'ext{r.randint(1,999)}@partner.example' for _ in range(r.choice([0,0,1,2]))]
        t = self.time(.1,.8); name = d['org']+' '+DEPTS[k % len(DEPTS)]; zid = self.uuid(); al = []
        if r.random() < .3: al.append(self.take(d, uid+'-alias'))
        at = [('objectClass','zimbraDistributionList'),('objectClass','zimbraMailRecipient'),('uid',uid),('zimbraId',zid),('zimbraCreateTimestamp',t),('mail',mail)]
        at += [('mail',f"{x}@{d['name']}") for x in al]+[('zimbraMailAlias',mail)]+[('zimbraMailAlias',f"{x}@{d['name']}") for x in al]
        at += [('zimbraMailStatus','enabled'),('zimbraMailHost',r.choice(self.mbox)['host']),('displayName',name),('cn',name),('description','Lista '+name),
               ('zimbraDistributionListSubscriptionPolicy',r.choice(['ACCEPT','REJECT','APPROVAL']))]
        if owner and r.random() < .4: at.append(('zimbraACE',f'{owner} usr ownDistList'))
        if r.random() < .1: at.append(('zimbraHideInGal','TRUE'))
        at += [('zimbraMailForwardingAddress',m) for m in dict.fromkeys(mem)]
        self.o.entry('distributionList', f"uid={rdn(uid)},ou=people,{d['dn']}", at)
        for x in al: self.o.entry('alias', f"uid={rdn(x)},ou=people,{d['dn']}", [('objectClass','zimbraAlias'),('uid',x),('zimbraId',self.uuid()),('zimbraCreateTimestamp',t),('zimbraAliasTargetId',zid)])

    def group(self, d, g, url=None):
        r, o = self.r, self.o.entry
        nm, zid, st, t = g['name'], g['id'], self.uuid(), self.time(.1,.8)
        mail = f"{nm}@{d['name']}"; dn = f"cn={rdn(nm)},cn=groups,{d['dn']}"; idn = 'uid=zimbra,cn=admins,cn=zimbra'
        acl = url is None or r.random() < .5
        o('dynamicGroup' if url is None else 'customGroup', dn, [('objectClass',x) for x in ('groupOfURLs','dgIdentityAux','zimbraGroup')]+
          [('cn',nm),('zimbraId',zid),('zimbraCreateTimestamp',t),('mail',mail),('dgIdentity',idn),('zimbraMailAlias',mail),('displayName',nm.replace('-',' ').title()),
           ('memberURL',url or f'ldap:///??sub?(|(zimbraMemberOf={zid})(zimbraId={st}))'),('zimbraIsACLGroup','TRUE' if acl else 'FALSE'),
           ('zimbraMailStatus','enabled'),('zimbraMailHost',r.choice(self.mbox)['host'])])
        if acl:
            ia = f"{nm}.__internal__@{d['name']}"
            o('groupUnit', 'cn=internal,'+dn, [('objectClass',x) for x in ('groupOfURLs','dgIdentityAux','zimbraGroupDynamicUnit')]+
              [('cn','internal'),('zimbraId',self.uuid()),('zimbraGroupId',zid),('zimbraCreateTimestamp',t),('mail',ia),('zimbraMailAlias',ia),('zimbraMailStatus','enabled'),
               ('dgIdentity',idn),('memberURL',f'ldap:///??sub?(zimbraMemberOf={zid})')])
            ext = [f'ext{r.randint(1,999)}@partner.example' for _ in range(r.choice([0,0,2,5]))]
            o('groupUnit', 'cn=external,'+dn, [('objectClass','zimbraGroupStaticUnit'),('cn','external'),('zimbraId',st),('zimbraGroupId',zid),('zimbraCreateTimestamp',t)]+
              [('zimbraMailForwardingAddress',x) for x in dict.fromkeys(ext)])

    def alias_domain(self, d, seen):
        name = 'alias-'+d['name']; dn = ','.join('dc='+p for p in name.split('.'))
        self.parents(dn, seen); seen.add(dn)
        self.o.entry('aliasDomain', dn, [('objectClass',x) for x in ('dcObject','organization','zimbraDomain','amavisAccount')]+
          [('zimbraId',self.uuid()),('zimbraCreateTimestamp',self.time(.2,.5)),('zimbraDomainName',name),('zimbraDomainType','alias'),('zimbraDomainStatus','active'),
           ('zimbraMailStatus','enabled'),('zimbraDomainAliasTargetId',d['id']),('zimbraMailCatchAllAddress','@'+name),('zimbraMailCatchAllForwardingAddress','@'+d['name']),
           ('o',name+' domain'),('dc',name.split('.')[0])])
        self.containers(dn)

    def run(self):
        self.plan(); self.system()
        self.dtargets, seen = [], set()
        for i, d in enumerate(self.domains):
            self.domain(d, i, seen)
            if i % 4 == 0: self.alias_domain(d, seen)
            if i: d['addrs'], d['ids'] = [], []
        return self.o

def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--accounts', type=int, default=1000); ap.add_argument('--domains', type=int, default=5)
    ap.add_argument('--seed', type=int, default=1); ap.add_argument('--out', default='-')
    ap.add_argument('--catalogue', default=os.path.join(HERE, '../../schema/catalogue'))
    a = ap.parse_args()
    f = sys.stdout if a.out == '-' else open(a.out, 'w', encoding='utf-8')
    o = Gen(a, f).run()
    if f is not sys.stdout: f.close()
    print(f'{o.n} entries:', ', '.join(f'{k} {v}' for k, v in sorted(o.kinds.items(), key=lambda x: -x[1])), file=sys.stderr)

if __name__ == '__main__': main()
