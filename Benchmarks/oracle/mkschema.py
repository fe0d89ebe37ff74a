#!/usr/bin/env python3
"""Write carbonio.schema, amavisd.schema and opendkim.schema (OpenLDAP syntax)
into a work directory, from the catalogue TSV files only."""
import argparse, csv, os

def read(fn):
    with open(fn, encoding='utf-8') as f:
        head = f.readline().rstrip('\n').split('\t')
        return [dict(zip(head, l.rstrip('\n').split('\t'))) for l in f]

def attrdef(r):
    s = [f"attributetype ( {r['oid']}", f"  NAME ( '{r['name']}' )", f"  SYNTAX {r['syntax']}"]
    for k in ('equality','substr','ordering'):
        if r[k]: s.append(f"  {k.upper()} {r[k]}")
    if r['singleValue'] == 'yes': s.append('  SINGLE-VALUE')
    return '\n'.join(s) + ' )\n\n'

def ocdef(o, must, may):
    s = [f"objectclass ( {o['oid']}", f"  NAME '{o['name']}'", f"  SUP {o['superior']} {o['kind']}"]
    for k, v in (('MUST', must), ('MAY', may)):
        if v: s.append(f"  {k} (\n    " + ' $\n    '.join(v) + ' )')  # one per line: slapd.conf has a line length limit
    return '\n'.join(s) + ' )\n\n'

def build(cat, out):
    at, oc = read(f'{cat}/attributes.tsv'), read(f'{cat}/objectclasses.tsv')
    os.makedirs(out, exist_ok=True)
    for src in ('amavisd', 'opendkim', 'carbonio'):
        with open(f'{out}/{src}.schema', 'w', encoding='utf-8') as f:
            for r in sorted((r for r in at if r['definedIn'] == src), key=lambda r: r['name']):
                f.write(attrdef(r))
            for o in oc:
                own = 'carbonio' if o['classKey'] else ('amavisd' if o['name'] == 'amavisAccount' else 'opendkim')
                if own != src: continue
                if o['classKey']:
                    key = o['classKey']
                    must = sorted(r['name'] for r in at if key in r['requiredIn'].split(','))
                    may = sorted(r['name'] for r in at if key in r['optionalIn'].split(','))
                else:
                    must = [x for x in o['must'].split(',') if x]
                    may = [x for x in o['may'].split(',') if x]
                f.write(ocdef(o, must, may))
    return len(at), len(oc)

if __name__ == '__main__':
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser()
    ap.add_argument('--catalogue', default=os.path.join(here, '../../schema/catalogue'))
    ap.add_argument('workdir')
    a = ap.parse_args()
    print('%d attributes, %d classes' % build(a.catalogue, a.workdir))
