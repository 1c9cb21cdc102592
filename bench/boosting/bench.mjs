import { readFileSync } from 'node:fs';
import { trainers } from '../../libs/trainers/dist/index.js';
const folder='/tmp/gbm';
const facts=JSON.parse(readFileSync(folder+'/flights.json'));
const raw=readFileSync(folder+'/flights.bin'); const all=new Float64Array(raw.buffer.slice(raw.byteOffset,raw.byteOffset+raw.length));
const n=facts.rows;
function table(from,to,width){return {rows:to-from,columns:facts.columns.slice(0,width).map((c,i)=>{const v=all.slice(i*n+from,i*n+to);return c.kind==='number'?{kind:'number',name:c.name,values:v}:{kind:'category',name:c.name,dictionary:c.dictionary,codes:Int32Array.from(v)}})}}
const labels=all.slice(facts.columns.length*n);
const width=process.argv[2]==='all'?facts.columns.length:facts.schedule;
const train=table(0,facts.train,width), test=table(facts.train,n,width);
const parameters={iterations:200,learning_rate:.08,max_leaves:31,min_rows:20,l2:0,...JSON.parse(process.argv[3]??'{}')};
const t=performance.now();
const m=trainers.boosting.train({task:'binary',classes:['0','1'],train,trainLabels:labels.slice(0,facts.train),valid:{rows:0,columns:test.columns.map(c=>c.kind==='number'?{...c,values:new Float64Array(0)}:{...c,codes:new Int32Array(0)})},validLabels:new Float64Array(0),parameters,seed:1});
const s=(performance.now()-t)/1000;
const p=m.predict(test);let l=0;for(let i=0;i<test.rows;i++){const y=labels[facts.train+i];l-=Math.log(y?p[i]:1-p[i])}
console.log({s,logloss:l/test.rows,bytes:m.onnx.length,importance:m.info.importance,leaves:m.info.leaves});
import {writeFileSync} from 'node:fs';writeFileSync('/tmp/gbm/m-'+(process.argv[2]??'s')+'.onnx',m.onnx);
