export { type BrokerList, type BrokerListOptions, type BrokerUpdate, brokerList } from './brokerList.js';
export { decodeBrokers } from './decode.js';
